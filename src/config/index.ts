export { configurationPage, defaultConfig, defaultYaml, jsonSchemaText } from "./documentation.js";
export { atHome, configFile, dataDirectory } from "./environment.js";
export { type ConfigSources, loadConfig, loadDriverOptions } from "./load.js";
export { nearestKey } from "./nearest.js";
export { type Config, providerChoices } from "./schema.js";
export { validate } from "./validate.js";
