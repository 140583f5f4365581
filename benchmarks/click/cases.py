"""What is clicked on: pages with a video, a picture or a stream, with new bytes for every click."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clip import Scene, marked
from benchmarks.drill import site as pictures
from tests.e2e.conftest import Site

PAGE = '<!doctype html><html lang="en"><title>{name}</title><body style="margin:0">{body}'
VIDEO = '<video src="{file}" autoplay muted loop width="900"></video>'
PICTURE = '<img src="{file}" alt="" width="600">'
# Its address is put together by script, so that the service finds nothing to fetch.
STREAM = """<video autoplay muted loop width="900"></video><script>
  fetch(['{stem}', 'mp4'].join('.')).then((answer) => answer.blob()).then((file) => {{
    document.querySelector('video').src = URL.createObjectURL(file);
  }});
</script>"""
SERVICE, BROWSER = "service", "browser"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of click. `scene`: of the video; None for the sample picture. `again`: what the
    service has answered before. `ways`: where it is carried out."""

    name: str
    body: str
    scene: Scene | None
    ways: tuple[str, ...] = (SERVICE, BROWSER)
    again: bool = False

    @property
    def captured(self) -> bool:
        """Whether the service is sent pictures of what plays, as it can fetch nothing."""
        return self.body is STREAM

    def media(self, folder: Path) -> Path | None:
        """The video, made in `folder` if need be."""
        return self.scene.file(folder) if self.scene else None


def cases(scenes: Mapping[str, Scene]) -> list[Case]:
    """Every case; `scenes` by the names of those in SCENES."""
    videos = [Case(name, VIDEO, scene) for name, scene in scenes.items()]
    first, scene = next(iter(scenes.items()))
    return [
        *videos,
        Case("picture", PICTURE, None),
        Case("capture", STREAM, scene, ways=(SERVICE,)),
        Case(f"{first}-cached", VIDEO, scene, ways=(SERVICE,), again=True),
    ]


SCENES = {
    "1080p-10s": Scene(1920, 1080, 10, faces=2, face_px=180),
    "720p-60s": Scene(1280, 720, 60),
}


class Pages:
    """The pages of a site, each with media that nobody has seen before."""

    def __init__(self, site: Site, made_in: Path) -> None:
        self._site, self._made_in = site, made_in
        self._count = 0

    def new(self, case: Case) -> str:
        """The address of a page for one click."""
        self._count += 1
        stem = f"{case.name}-{self._count}"
        media = case.media(self._made_in)
        if media is None:
            file, content = f"{stem}.jpg", pictures.marked(stem.encode())
        else:
            file, content = f"{stem}.mp4", marked(media.read_bytes(), stem.encode())
        (self._site.folder / file).write_bytes(content)
        body = case.body.format(file=file, stem=stem)
        (self._site.folder / f"{stem}.html").write_text(PAGE.format(name=stem, body=body))
        return f"{self._site.url}/{stem}.html"
