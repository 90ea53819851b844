import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { CytoError } from "../../core/index.js";
import { type LaboratoryPaths, openJournal, readJournal } from "../../store/index.js";
import type { JobRecord } from "./desk.js";
import { jobJournal, parseJobEvent } from "./jobRun.js";
import { decimate, readLosses } from "./lossSeries.js";
import { type JobCourse, type JobEvent, recordOf, reduceJob } from "./state.js";

const idPattern = /^\d{8}-\d{9}-[0-9a-f]{6}$/;

export const notFound = (id: string): CytoError => new CytoError("JOB_NOT_FOUND", `there is no job ${id}`);

const courseOf = (events: readonly JobEvent[]): JobCourse | undefined =>
  events.reduce<JobCourse | undefined>(reduceJob, undefined);

/** The trainings in a data directory as their journals tell them, oldest first. */
export const readCourses = async (paths: LaboratoryPaths): Promise<readonly JobCourse[]> => {
  const names = (await readdir(paths.jobs).catch(() => [])).filter((name) => idPattern.test(name)).sort();
  const courses = await Promise.all(
    names.map(async (name) =>
      courseOf(await readJournal(jobJournal(join(paths.jobs, name)), parseJobEvent).catch(() => [])),
    ),
  );
  return courses.flatMap((course) => course ?? []);
};

/** Pictures of painted fields: their paths by their names. */
export const samplesOf = async (paths: LaboratoryPaths, id: string): Promise<ReadonlyMap<string, string>> => {
  const folder = join(paths.jobs, id);
  const list = async (path: string, prefix: string): Promise<readonly (readonly [string, string])[]> => {
    const names = await readdir(path).catch(() => []);
    const pictures = names.filter((name) => name.endsWith(".png")).sort();
    return pictures.map((name) => [prefix + name, join(path, name)]);
  };
  return new Map([
    ...(await list(join(folder, "painter", "samples"), "painter-")),
    ...(await list(join(folder, "samples"), "")),
  ]);
};

/** What people see of a training. */
export const completeRecord = async (paths: LaboratoryPaths, course: JobCourse): Promise<JobRecord> => {
  const folder = join(paths.jobs, course.id);
  const [losses, samples] = await Promise.all([readLosses(folder), samplesOf(paths, course.id)]);
  return { ...recordOf(course), losses: decimate(losses), samples: [...samples.keys()] };
};

/** The trainings in a data directory, newest first, whether or not somebody works there. */
export const readJobs = async (paths: LaboratoryPaths): Promise<readonly JobRecord[]> => {
  const courses = await readCourses(paths);
  return Promise.all(courses.toReversed().map((course) => completeRecord(paths, course)));
};

/** @throws CytoError JOB_NOT_FOUND */
export const readJob = async (paths: LaboratoryPaths, id: string): Promise<JobRecord> => {
  const course = (await readCourses(paths)).find((one) => one.id === id);
  if (!course) throw notFound(id);
  return completeRecord(paths, course);
};

/**
 * Notes what shall become of a training that nobody works on; whoever opens the data directory next heeds it. The caller holds
 * the directory's lock.
 * @throws CytoError JOB_NOT_FOUND, JOB_ENDED, STORE_FULL, STORE_FAILED
 */
export const noteForLater = async (
  paths: LaboratoryPaths,
  id: string,
  wish: "pause" | "resume" | "cancel",
): Promise<JobRecord> => {
  const known = (await readCourses(paths)).find((one) => one.id === id);
  if (!known) throw notFound(id);
  if (known.ending) throw new CytoError("JOB_ENDED", `the job ${id} has ended`);
  const event: JobEvent =
    wish === "cancel"
      ? { kind: "ended", atMs: Date.now(), state: "cancelled" }
      : { kind: wish === "pause" ? "held" : "released", by: "asked" };
  await using journal = await openJournal(jobJournal(join(paths.jobs, id)), parseJobEvent);
  await journal.append(event);
  return completeRecord(paths, courseOf(journal.entries)!);
};
