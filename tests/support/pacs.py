"""A DICOM server, a viewer and a browser on loopback, for tests that let outsiders read what the bundle writes."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DICOMWEB_PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
_BOUNDARY = "end-of-an-instance"
_VIEWER_SETTINGS = """
window.config = {
  extensions: [], modes: [], customizationService: {}, showStudyList: true, routerBasename: null,
  showWarningMessageForCrossOrigin: false, showCPUFallbackMessage: false, strictZSpacingForVolumeViewport: true,
  investigationalUseDialog: { option: 'never' }, defaultDataSourceName: 'dicomweb',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'dicomweb',
    configuration: {
      friendlyName: 'loopback', name: 'loopback', wadoUriRoot: '/dicom-web', qidoRoot: '/dicom-web',
      wadoRoot: '/dicom-web', qidoSupportsIncludeField: false, imageRendering: 'wadors', thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true,
      bulkDataURI: { enabled: true }, omitQuotationForMultipartRequest: true,
    },
  }],
};
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def orthanc(folder):
    """Run Orthanc with its data in a folder; yield the root of its DICOMweb service."""
    port = free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "Plugins": [DICOMWEB_PLUGIN],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        server = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log)
    try:
        root = f"http://127.0.0.1:{port}"
        _wait_for(f"{root}/system", server)
        yield f"{root}/dicom-web"
    finally:
        server.terminate()
        server.wait(timeout=60)


def _wait_for(url, process, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            return urllib.request.urlopen(url, timeout=10).read()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer")


def store(root, files):
    """Send files by STOW-RS; return how many were taken and how many refused."""
    body = b"".join(
        f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode() + file.read_bytes() + b"\r\n"
        for file in files
    )
    kind = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'
    headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
    request = urllib.request.Request(f"{root}/studies", body + f"--{_BOUNDARY}--".encode(), headers)
    answer = json.loads(urllib.request.urlopen(request, timeout=120).read())
    return tuple(len(answer.get(tag, {}).get("Value", ())) for tag in ("00081199", "00081198"))


def query(root, path):
    """Return what a QIDO-RS query finds."""
    request = urllib.request.Request(f"{root}/{path}", headers={"Accept": "application/dicom+json"})
    return json.loads(urllib.request.urlopen(request, timeout=120).read())


@contextmanager
def viewer(application, root):
    """Serve OHIF from its folder, and a DICOMweb service under the same address; yield the address."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args, **more):
            super().__init__(*args, directory=str(application), **more)

        def do_GET(self):
            if self.path.startswith("/dicom-web"):
                return self._pass_on()
            if self.path.split("?")[0] == "/app-config.js":
                return self._send(200, "text/javascript", _VIEWER_SETTINGS.encode())
            if not Path(self.translate_path(self.path)).is_file():
                self.path = "/index.html"  # the application has its own paths
            return super().do_GET()

        def _pass_on(self):
            url = root + self.path.removeprefix("/dicom-web")
            request = urllib.request.Request(url, headers={"Accept": self.headers.get("Accept", "*/*")})
            try:
                with urllib.request.urlopen(request, timeout=120) as answer:
                    return self._send(answer.status, answer.headers["Content-Type"], answer.read())
            except urllib.error.HTTPError as error:
                return self._send(error.code, "text/plain", b"")

        def _send(self, status, kind, body):
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Browser:
    """Headless Chromium, spoken to by its debugging pipe."""

    def __init__(self, profile, size=(1600, 1000)):
        receive, browser_sends = os.pipe()
        browser_receives, send = os.pipe()
        options = [
            "--headless=new",
            "--no-sandbox",
            "--remote-debugging-pipe",
            "--use-angle=swiftshader",
            "--enable-unsafe-swiftshader",
            "--disable-background-networking",
            f"--user-data-dir={profile}",
            f"--window-size={size[0]},{size[1]}",
        ]
        # Chromium reads from the descriptor 3 and writes to 4
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (browser_receives, browser_sends)]
        self.process = subprocess.Popen(
            [_chromium(), *options],
            preexec_fn=lambda: [os.dup2(end, number) for number, end in enumerate(ends, 3)],
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (browser_receives, browser_sends, *ends):
            os.close(end)
        self.reader, self.writer = os.fdopen(receive, "rb"), os.fdopen(send, "wb")
        self.count, self.buffer, self.session, self.errors = 0, b"", None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")

    def call(self, method, **parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.writer.write(json.dumps(message).encode() + b"\0")
        self.writer.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return answer["result"]

    def _read(self):
        while b"\0" not in self.buffer:
            chunk = os.read(self.reader.fileno(), 1 << 16)
            if not chunk:
                raise RuntimeError("the browser ended")
            self.buffer += chunk
        line, _, self.buffer = self.buffer.partition(b"\0")
        message = json.loads(line)
        if message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(message["params"]["exceptionDetails"])
        return message

    def value(self, expression):
        """Return the value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def wait_for(self, expression, seconds=240):
        """Wait until an expression is true; return whether it became so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.value(expression):
                return True
            time.sleep(1)
        return False

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.reader.close()
        self.writer.close()


def _chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
