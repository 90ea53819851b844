/** How close generated pictures come to real ones: pure functions of pixels. */
export type { PicturePair } from "./picturePair.js";
export { meanPsnr, psnr } from "./psnr.js";
export { meanSsim, ssim } from "./ssim.js";
