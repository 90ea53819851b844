export * from "./cell.js";
export * from "./errors.js";
export * from "./errorTable.js";
export * from "./frame.js";
export * from "./taxonomy.js";
