/** Pictures in files and on the wire: decoding to 8-bit sRGB under limits, encoding to JPEG and PNG; the stain of a smear. */
export { decodeBmp } from "./bmp.js";
export { type DecodedPicture, decodePicture, decodePreview, type Preview, readJpegSize } from "./decode.js";
export { type EncodeOptions, encodeJpeg, encodePng } from "./encode.js";
export { type PictureFormat, pictureExtensions, sniffFormat } from "./format.js";
export { defaultMaxPixels, type Picture, type PictureLimits } from "./picture.js";
export { type Colour, type StainMeasure, StainMeter, strideOf, upperQuantile } from "./stain.js";
