/**
 * Imports go down only. The stations from the lowest to the highest; each may import those before it, so there can be no
 * circles. A folder that is not here is an error: a new station finds its place in the list.
 */
const stations = [
  "src/core",
  "src/config",
  "src/observability",
  "src/pictures",
  "src/store",
  "src/engine",
  "src/networks",
  "src/detection",
  "src/counting",
  "src/labels",
  "src/registry",
  "src/training",
  "drivers",
  "src/acquisition",
  "src/scan",
  "src/publication",
  "src/dashboard",
  "src/daemon",
  "src/main[.]ts",
  "src/setup",
  "src/cli",
];

const below = (names) => `^(?:${names.join("|")})(?:/|$)`;

const upward = stations.slice(0, -1).map((station, rank) => ({
  name: "no-upward-import",
  comment: `${station} must not import from a station after it.`,
  severity: "error",
  from: { path: below([station]) },
  to: { path: below(stations.slice(rank + 1)) },
}));

module.exports = {
  forbidden: [
    ...upward,
    {
      name: "every-station-has-a-place",
      comment: "Name the folder in the list at the top of .dependency-cruiser.cjs.",
      severity: "error",
      from: { path: "^(?:src|drivers)/", pathNot: below(stations) },
      to: {},
    },
    {
      name: "no-circular-import",
      comment: "Modules that import each other have no order in which they can be understood.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "only-the-public-face",
      comment:
        "Other stations import an index.ts only: a station's, or that of a part of it. The browser application takes pure modules by themselves.",
      severity: "error",
      from: { path: "^(?:src|drivers)/([^/]+)/", pathNot: "^src/dashboard/app/" },
      to: { path: "^src/[^/]+/.+", pathNot: ["/index[.]ts$", "^src/$1/"] },
    },
    {
      name: "pure-stations-do-no-io",
      comment: "Counting and clustering are pure: no files, sockets, processes, threads.",
      severity: "error",
      from: { path: "^src/(?:counting|detection/clustering)/" },
      to: {
        dependencyTypes: ["core"],
        path: "^(?:node:)?(?:fs|net|http|https|child_process|worker_threads|dgram)(?:/|$)",
      },
    },
    {
      name: "drivers-know-no-streams",
      comment: "A driver is an AsyncIterable; RxJS begins at acquisition.",
      severity: "error",
      from: { path: "^drivers/" },
      to: { path: "(?:^|/)node_modules/rxjs/" },
    },
    {
      name: "no-development-packages",
      comment: "What runs in production is a dependency. Types are needed to build only.",
      severity: "error",
      from: { path: "^(?:src|drivers)/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown", "unknown"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "no-tests-in-the-program",
      severity: "error",
      from: { path: "^(?:src|drivers)/" },
      to: { path: "^(?:test|bench)/" },
    },
    {
      name: "resolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
