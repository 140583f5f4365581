// Pictures with their times as one file that any player and the service read: Motion JPEG in Matroska
// (RFC 9559), as server/api/motion_jpeg.py writes it. Pure.

/** Identifiers of the elements that are written. */
const ID = {
  EBML: 0x1a45dfa3, EBMLMaxIDLength: 0x42f2, EBMLMaxSizeLength: 0x42f3, DocType: 0x4282,
  DocTypeVersion: 0x4287, DocTypeReadVersion: 0x4285,
  Segment: 0x18538067, Info: 0x1549a966, TimestampScale: 0x2ad7b1, Duration: 0x4489, MuxingApp: 0x4d80, WritingApp: 0x5741,
  Tracks: 0x1654ae6b, TrackEntry: 0xae, TrackNumber: 0xd7, TrackUID: 0x73c5, TrackType: 0x83, CodecID: 0x86,
  FlagLacing: 0x9c, Video: 0xe0, PixelWidth: 0xb0, PixelHeight: 0xba,
  Audio: 0xe1, SamplingFrequency: 0xb5, Channels: 0x9f, BitDepth: 0x6264,
  Cluster: 0x1f43b675, Timestamp: 0xe7, SimpleBlock: 0xa3,
};
/** Nanoseconds to a tick. */
const MILLISECOND = 1_000_000;
const VIDEO = 1;
const SOUND = 2;
const KEY_FRAME = 0x80;
const SILENT_HZ = 8000;
/** Says that a size takes eight bytes, this one included. */
const EIGHT_BYTES = 1n << 56n;

/** @param {number} value whole, at least 0 @returns {Uint8Array<ArrayBuffer>} big endian, without leading zeros */
function whole(value) {
  const bytes = [];
  for (let left = value; left >= 1 || !bytes.length; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  return Uint8Array.from(bytes);
}

/** @param {number} value */
function float(value) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

/** @param {number} size */
function sizeOf(size) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, EIGHT_BYTES + BigInt(size));
  return bytes;
}

/** @param {keyof typeof ID} name @param {BlobPart[]} content @returns {Blob} */
function element(name, ...content) {
  const body = new Blob(content);
  return new Blob([whole(ID[name]), sizeOf(body.size), body]);
}

/** @param {number} number also its type: there is one of each @param {string} codec @param {Blob} settings */
function track(number, codec, settings) {
  return element("TrackEntry", element("TrackNumber", whole(number)), element("TrackUID", whole(number)),
    element("TrackType", whole(number)), element("CodecID", codec), element("FlagLacing", whole(0)), settings);
}

/** @param {number} number of the track @param {BlobPart} content @param {number} time_s */
function cluster(number, content, time_s) {
  const head = Uint8Array.of(0x80 + number, 0, 0, KEY_FRAME); // no time after the cluster's
  return element("Cluster", element("Timestamp", whole(Math.round(time_s * 1000))), element("SimpleBlock", head, content));
}

/**
 * Players count from where the first track begins: a moment of silence at 0 keeps the pictures' times.
 * @param {{picture: Blob, time_s: number}[]} pictures JPEGs of one size, their times rising
 * @param {{width_px: number, height_px: number, duration_s: number|null}} media that they are of
 * @returns {Blob}
 */
export function matroska(pictures, { width_px, height_px, duration_s }) {
  const length_s = duration_s ?? pictures[pictures.length - 1].time_s;
  return new Blob([
    element("EBML", element("EBMLMaxIDLength", whole(4)), element("EBMLMaxSizeLength", whole(8)),
      element("DocType", "matroska"), element("DocTypeVersion", whole(4)), element("DocTypeReadVersion", whole(2))),
    element("Segment",
      element("Info", element("TimestampScale", whole(MILLISECOND)), element("Duration", float(length_s * 1000)),
        element("MuxingApp", "Mesoscope"), element("WritingApp", "Mesoscope")),
      element("Tracks",
        track(VIDEO, "V_MJPEG", element("Video", element("PixelWidth", whole(width_px)), element("PixelHeight", whole(height_px)))),
        track(SOUND, "A_PCM/INT/LIT", element("Audio", element("SamplingFrequency", float(SILENT_HZ)),
          element("Channels", whole(1)), element("BitDepth", whole(16))))),
      cluster(SOUND, new Uint8Array(2), 0),
      ...pictures.map(({ picture, time_s }) => cluster(VIDEO, picture, time_s))),
  ], { type: "video/x-matroska" });
}
