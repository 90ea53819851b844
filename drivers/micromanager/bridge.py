"""Micro-Manager's core as a process of its own, for the drivers `micromanager` of cameras and stages.

Requests come as lines of JSON on standard input, {"id", "method", ...}; answers and events go as lines of JSON to standard
output, {"id", "result"} or {"id", "error": {"kind", "message"}}. Frames go to descriptor 3: a header (see HEADER), then
height * width * 3 bytes of interleaved 8-bit RGB. Each request has a thread of its own. A move that was read before a `stop` is halted, or never begun. The end of standard input ends the process: it does not outlive the program that started it.
"""

import json
import os
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

# Mark, session, width, height, frames lost before this one, 4 bytes of nothing, time of the capture (ms since the epoch), um per pixel
# (0 where it is not known).
HEADER = struct.Struct("<4sIIIIIdd")
MARK = b"CYF1"

POLL_S = 0.005


class Refusal(Exception):
    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


class Channel:
    """Standard output, a line at a time, whoever writes."""

    def __init__(self):
        self._lock = threading.Lock()
        self._out = os.fdopen(os.dup(1), "wb", buffering=0)
        # What an adapter prints must not get between the lines.
        os.dup2(2, 1)

    def send(self, message):
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._out.write(line)


def load_core(request):
    try:
        import numpy  # noqa: F401
        import pymmcore_nano
    except Exception as error:
        raise Refusal("package", str(error)) from None
    core = pymmcore_nano.CMMCore()
    core.enableStderrLog(False)
    core.setDeviceAdapterSearchPaths([adapter_path(request.get("adapterPath"))])
    try:
        if request.get("configFile") is not None:
            core.loadSystemConfiguration(request["configFile"])
        for device in request.get("devices", []):
            core.loadDevice(device["label"], device["library"], device["name"])
            for name, value in device.get("properties", {}).items():
                core.setProperty(device["label"], name, value)
            core.initializeDevice(device["label"])
    except Exception as error:
        raise Refusal("load", str(error)) from None
    version = f"{core.getVersionInfo()}, pymmcore-nano {pymmcore_nano.__version__}"
    return pymmcore_nano, core, version


def adapter_path(path):
    if path is not None:
        return path
    try:
        import mm_test_adapters

        return str(mm_test_adapters.device_adapter_path())
    except ImportError:
        raise Refusal("adapters", "no folder of device adapters is named") from None


class Camera:
    """Frames of one camera, the newest of those that wait; the others are counted."""

    def __init__(self, core, channel, request, label):
        self.core = core
        self.channel = channel
        self.session = request["session"]
        self.label = label
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.out = None
        core.setCameraDevice(label)
        self._set(request)

    def _set(self, request):
        core = self.core
        for name, value in request.get("properties", {}).items():
            core.setProperty(self.label, name, value)
        if request.get("binning") is not None:
            core.setProperty(self.label, "Binning", str(request["binning"]))
        if request.get("exposureMs") is not None:
            core.setExposure(self.label, request["exposureMs"])
        region = request.get("region")
        if region is not None:
            core.setROI(region["x"], region["y"], region["width"], region["height"])
        layout = (core.getNumberOfComponents(), core.getBytesPerPixel())
        # 16-bit colour would be read beyond its end: pymmcore-nano gives such arrays the row length of twice as wide ones.
        if layout not in ((1, 1), (1, 2), (4, 4)):
            raise Refusal("format", f"frames of {layout[0]} components in {layout[1]} bytes are not read")

    def close(self):
        self.over.set()
        if self.thread.is_alive():
            self.thread.join()

    def _run(self):
        try:
            try:
                self.core.startContinuousSequenceAcquisition(0)
            except Exception:
                self._snap()
            else:
                self._stream()
        except Exception as error:
            if not self.over.is_set():
                kind = getattr(error, "kind", "failed")
                told = {"event": "cameraFailed", "session": self.session, "kind": kind, "message": str(error)}
                self.channel.send(told)
        finally:
            try:
                if self.core.isSequenceRunning():
                    self.core.stopSequenceAcquisition()
            except Exception:
                pass  # A camera that has failed need not stop.

    def _stream(self):
        core = self.core
        last = None
        while not self.over.is_set():
            waiting = core.getRemainingImageCount()
            if waiting == 0:
                if not core.isSequenceRunning():
                    raise RuntimeError("the camera has stopped by itself")
                time.sleep(POLL_S / 5)
                continue
            for _ in range(waiting):
                image, metadata = core.popNextImageMD()
            number = int(tag(metadata, "ImageNumber", -1))
            lost = waiting - 1
            if number >= 0 and last is not None and number > last:
                lost = number - last - 1
            last = number if number >= 0 else None
            self._send(image, lost)

    def _snap(self):
        while not self.over.is_set():
            self.core.snapImage()
            self._send(self.core.getImage(), 0)

    def _send(self, image, lost):
        height, width = image.shape[:2]
        captured_ms = time.time() * 1000
        pixels = self._packed(image)
        um_per_pixel = self.core.getPixelSizeUm()
        header = HEADER.pack(MARK, self.session, width, height, max(0, lost), 0, captured_ms, um_per_pixel)
        # One camera streams at a time: frames of two never mix.
        write_all(3, header)
        write_all(3, memoryview(pixels).cast("B"))

    def _packed(self, image):
        """The image as packed 8-bit RGB, in a buffer that is used again."""
        import numpy

        shape = (*image.shape[:2], 3)
        if self.out is None or self.out.shape != shape:
            self.out = numpy.empty(shape, numpy.uint8)
        source = image if image.ndim == 3 else image[:, :, None]
        if source.dtype == numpy.uint8:
            numpy.copyto(self.out, source)
            return self.out
        if source.dtype != numpy.uint16:
            raise Refusal("format", f"samples of the type {source.dtype} are not read")
        shift = max(0, self.core.getImageBitDepth() - 8)
        numpy.copyto(self.out, numpy.minimum(numpy.right_shift(source, shift), 255), casting="unsafe")
        return self.out


def tag(metadata, name, otherwise):
    try:
        return metadata.GetSingleTag(name).GetValue()
    except Exception:
        return otherwise


def write_all(descriptor, data):
    view = memoryview(data)
    while len(view) > 0:
        view = view[os.write(descriptor, view) :]


class Stage:
    """An XY stage, and a focus stage where there is one."""

    def __init__(self, core, xy, z):
        self.core = core
        self.xy = xy
        self.z = z
        # Halts that were asked for. A move that was asked for before the last of them is not begun, or halted again.
        self.halts = 0

    def position(self):
        x, y = self.core.getXYPosition(self.xy)
        return {"x": x, "y": y, **({} if self.z is None else {"z": self.core.getPosition(self.z)})}

    def move(self, target, halts):
        def go(command, *words):
            if self.halts != halts:
                return
            command(*words)
            if self.halts != halts:
                # The halt may have come first.
                self._halt()

        if "x" in target or "y" in target:
            here = self.position()
            go(self.core.setXYPosition, self.xy, target.get("x", here["x"]), target.get("y", here["y"]))
        if "z" in target:
            go(self.core.setPosition, self.z, target["z"])
        return self._wait(halts)

    def home(self, halts):
        if self.halts == halts:
            self.core.home(self.xy)
        if self.halts != halts:
            self._halt()
        return self._wait(halts)

    def _devices(self):
        return [label for label in (self.xy, self.z) if label is not None]

    def _wait(self, halts):
        while any(self.core.deviceBusy(label) for label in self._devices()):
            time.sleep(POLL_S)
        return {"position": self.position(), "stopped": self.halts != halts}

    def _halt(self):
        failures = []
        for label in self._devices():
            try:
                self.core.stop(label)
            except Exception as error:
                failures.append(str(error))
        # A focus that cannot be stopped does not keep the stage from being so.
        if len(failures) == len(self._devices()):
            raise Refusal("refused", "; ".join(failures))

    def stop(self):
        self._halt()
        return self._wait(self.halts)


class Bridge:
    def __init__(self, channel):
        self.channel = channel
        self.pool = ThreadPoolExecutor(max_workers=6)
        self.core = None
        self.module = None
        self.camera = None
        self.stage = None

    def load(self, request):
        self.module, self.core, version = load_core(request)
        return {"version": version, "labels": list(self.core.getLoadedDevices())}

    def _find(self, wanted, role, kind, what):
        """The device that is named, that has the role in the configuration, or the first of its kind."""
        labels = list(self.core.getLoadedDevicesOfType(kind))
        label = wanted or role() or (labels[0] if labels else "")
        if label == "":
            raise Refusal("absent", f"the configuration has no {what}")
        if label not in labels:
            raise Refusal("absent", f"{label} is no {what} of the configuration")
        return label

    def _library(self, label):
        return f"{self.core.getDeviceLibrary(label)} {self.core.getDeviceName(label)}"

    def camera_open(self, request):
        if self.camera is not None:
            raise Refusal("busy", "the camera is open already")
        kinds = self.module.DeviceType
        label = self._find(request.get("camera"), self.core.getCameraDevice, kinds.CameraDevice, "camera")
        self.camera = Camera(self.core, self.channel, request, label)
        self.camera.thread.start()
        return {"label": label, "device": self._library(label), "exposureMs": self.core.getExposure()}

    def camera_close(self, request):
        camera = self.camera
        if camera is not None and camera.session == request["session"]:
            camera.close()
            self.camera = None
        return {}

    def stage_open(self, request):
        if self.stage is not None:
            raise Refusal("busy", "the stage is open already")
        kinds = self.module.DeviceType
        xy = self._find(request.get("xyStage"), self.core.getXYStageDevice, kinds.XYStageDevice, "XY stage")
        z = None
        if request.get("focus") is not False:
            has_focus = request.get("focus") or len(self.core.getLoadedDevicesOfType(kinds.StageDevice)) > 0
            if has_focus:
                z = self._find(request.get("focus"), self.core.getFocusDevice, kinds.StageDevice, "focus stage")
        stage = Stage(self.core, xy, z)
        result = {"axes": ["x", "y"] + ([] if z is None else ["z"]), "position": stage.position()}
        devices = [f"{label} ({self._library(label)})" for label in (xy, z) if label is not None]
        self.stage = stage
        return {**result, "device": ", ".join(devices)}

    def stage_close(self, _request):
        self.stage = None
        return {}

    def stage_position(self, _request):
        return self.stage.position()

    def stage_move(self, request):
        return self.stage.move(request["target"], request["halts"])

    def stage_home(self, request):
        return self.stage.home(request["halts"])

    def stage_stop(self, _request):
        return self.stage.stop()

    def _answer(self, request):
        identity = request.get("id")
        try:
            handler = getattr(self, request["method"].replace(".", "_"))
            self.channel.send({"id": identity, "result": handler(request)})
        except Refusal as error:
            self.channel.send({"id": identity, "error": {"kind": error.kind, "message": str(error)}})
        except Exception as error:
            self.channel.send({"id": identity, "error": {"kind": "refused", "message": str(error)}})

    def serve(self):
        for line in sys.stdin:
            request = json.loads(line)
            stage = self.stage
            if stage is not None:
                if request["method"] == "stage.stop":
                    stage.halts += 1
                request["halts"] = stage.halts
            if request["method"] == "stage.stop":
                # Before anything else: the halt is not to wait for a thread that is free.
                threading.Thread(target=self._answer, args=(request,), daemon=True).start()
            else:
                self.pool.submit(self._answer, request)

    def close(self):
        if self.camera is not None:
            self.camera.over.set()
        if self.core is not None:
            self.core.unloadAllDevices()


def main():
    bridge = Bridge(Channel())
    try:
        bridge.serve()
    finally:
        # Devices are given back, but one that hangs does not keep the process.
        closing = threading.Thread(target=bridge.close, daemon=True)
        closing.start()
        closing.join(timeout=1.0)
        os._exit(0)


main()
