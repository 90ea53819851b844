/** Made fields beside real ones: painted from masks, or with real cells pasted into them. */
export { type Augmentation, copyPaste, poolSize, requireRatio } from "./augmentation.js";
export { makeCropPool, makeFieldPool, type Pool, type PoolRequest } from "./pool.js";
export { fieldsShowing, recolour, stainsOfPictures } from "./stains.js";
