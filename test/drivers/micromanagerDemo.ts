/** Micro-Manager's own demo devices. */
export const demoDevices = [
  { label: "Camera", library: "DemoCamera", name: "DCam" },
  { label: "XY", library: "DemoCamera", name: "DXYStage" },
  { label: "Z", library: "DemoCamera", name: "DStage" },
];

/** The configuration file of a microscope made of them, 0.16 um per pixel. */
export const demoConfiguration = [
  "Property,Core,Initialize,0",
  ...demoDevices.map(({ label, library, name }) => `Device,${label},${library},${name}`),
  "Property,Core,Initialize,1",
  "Property,Core,Camera,Camera",
  "Property,Core,XYStage,XY",
  "Property,Core,Focus,Z",
  "ConfigPixelSize,Res40x,Camera,Binning,1",
  "PixelSize_um,Res40x,0.16",
].join("\n");
