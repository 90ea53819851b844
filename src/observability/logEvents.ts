/** Every event that the daemon logs: its fixed name, its level, and what it means. */
export const logEvents = {
  "daemon.starting": ["info", "The daemon begins to start, with this camera"],
  "daemon.ready": ["info", "The dashboard and the stream can be reached at this address"],
  "daemon.stopping": ["info", "A signal or the end of the source stops the daemon; it drains"],
  "daemon.stopped": ["info", "Everything is closed"],
  "daemon.closeFailed": ["error", "A part did not close, or not in time"],
  "daemon.fatal": ["fatal", "An error that the daemon cannot go on after"],
  "camera.opening": ["info", "The camera is being opened"],
  "camera.notice": ["warn", "What its driver says of a camera that works, but not as well as it could"],
  "camera.running": ["info", "The first frame since the camera was opened has come"],
  "camera.retrying": ["warn", "The camera failed and is opened again after a delay"],
  "camera.stale": ["warn", "No frame has come for too long; counts are marked stale"],
  "camera.recovered": ["info", "Frames come again"],
  "camera.ended": ["info", "The source has no more frames"],
  "camera.failed": ["error", "The camera failed in a way that trying again cannot mend"],
  "frame.dropped": ["debug", "A frame was not counted"],
  "frame.rejected": ["warn", "A frame or picture could not be used"],
  "detection.ready": ["info", "Models are loaded and the execution provider is chosen"],
  "detection.failed": ["error", "A field could not be searched for cells"],
  "detection.crashed": ["error", "A detection worker died or hung; it is replaced"],
  "detection.swapped": ["info", "Other models serve from now on"],
  "counting.scale": ["info", "How large a pixel is, and how that is known"],
  "counting.reset": ["info", "The counts begin anew"],
  "publication.listening": ["info", "HTTP and WebSocket listen at this address"],
  "publication.clientOpened": ["debug", "A WebSocket client has connected"],
  "publication.clientClosed": ["debug", "A WebSocket client has gone"],
  "publication.clientRefused": ["warn", "A WebSocket client broke the protocol and was closed"],
  "publication.requestFailed": ["error", "An HTTP request ended with an internal error"],
} as const satisfies Record<string, readonly [level: LogLevel, meaning: string]>;

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof logLevels)[number];
export type LogEvent = keyof typeof logEvents;
