/** Pixel formats that are read, by their GenICam names, and what GStreamer calls them (aravis' own table of formats). */
const gstreamerCaps = {
  RGB8: "video/x-raw,format=RGB",
  BGR8: "video/x-raw,format=BGR",
  Mono8: "video/x-raw,format=GRAY8",
  BayerRG8: "video/x-bayer,format=rggb",
  BayerGR8: "video/x-bayer,format=grbg",
  BayerGB8: "video/x-bayer,format=gbrg",
  BayerBG8: "video/x-bayer,format=bggr",
  YUV422_8: "video/x-raw,format=YUY2",
  YUV422_8_UYVY: "video/x-raw,format=UYVY",
} as const;

export type PixelFormat = keyof typeof gstreamerCaps;

export const pixelFormatNames = Object.keys(gstreamerCaps) as [PixelFormat, ...PixelFormat[]];

/** Names that cameras from before the common naming use. */
const olderNames: Readonly<Record<string, PixelFormat>> = {
  RGB8Packed: "RGB8",
  BGR8Packed: "BGR8",
  YUV422Packed: "YUV422_8_UYVY",
  YUYVPacked: "YUV422_8",
};

/** All names of a format, the common one first. */
export const namesOf = (format: PixelFormat): readonly string[] => [
  format,
  ...Object.entries(olderNames).flatMap(([older, name]) => (name === format ? [older] : [])),
];

/** The format of a name, undefined where such frames are not read. */
export const pixelFormatOf = (name: string): PixelFormat | undefined =>
  name in gstreamerCaps ? (name as PixelFormat) : olderNames[name];

export const capsOf = (format: PixelFormat): string => gstreamerCaps[format];

export const isBayer = (format: PixelFormat): boolean => format.startsWith("Bayer");
