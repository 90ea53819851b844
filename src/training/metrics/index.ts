/** How close generated pictures come to real ones: pure functions of pixels and of features. */
export { FeatureStatistics, frechetDistance, type Gaussian } from "./frechetDistance.js";
export type { PicturePair } from "./picturePair.js";
export { type PrincipalComponents, principalComponents } from "./principalComponents.js";
export { meanPsnr, psnr } from "./psnr.js";
export { meanSsim, ssim } from "./ssim.js";
