import { copyPaste } from "../augmentation/index.js";
import type { Arm, Painting } from "./units.js";

/** Figures of method.md's table 2: PSNR (dB), SSIM, FID. The features of its FID are others than ours. */
export const paperTable2: Readonly<Partial<Record<Painting, readonly [psnr: number, ssim: number, fid: number]>>> = {
  cgan: [13.63, 0.56, 84.13],
  pix2pix: [18.41, 0.69, 54.37],
  "pix2pix-md": [22.83, 0.83, 37.34],
  mcgan: [23.68, 0.87, 34.45],
};

/** Figures of method.md's table 4: P1 to P6, percent. */
export const paperTable4: Readonly<Partial<Record<Arm, readonly number[]>>> = {
  rd: [90.5, 91.3, 88.6, 87.6, 90.9, 88.1],
  cgan: [91.0, 91.7, 90.7, 88.7, 91.9, 89.1],
  pix2pix: [92.2, 93.1, 91.7, 89.9, 93.5, 91.0],
  "pix2pix-md": [94.1, 96.9, 96.9, 95.5, 96.7, 96.0],
  mcgan: [94.7, 99.1, 98.9, 98.9, 98.9, 99.0],
};

export const paintingTitles: Readonly<Record<Painting, string>> = {
  flat: "flat paint",
  l1: "L1 only",
  cgan: "CGAN",
  pix2pix: "pix2pix",
  "pix2pix-md": "pix2pix+MD",
  "pix2pix-gs": "MCGAN without MD",
  mcgan: "MCGAN",
};

export const armTitles: Readonly<Record<Arm, string>> = {
  rd: "RD",
  cgan: "RD+CGAN",
  pix2pix: "RD+pix2pix",
  "pix2pix-md": "RD+pix2pix+MD",
  mcgan: "RD+MCGAN",
  [copyPaste]: "RD+copy-paste",
};
