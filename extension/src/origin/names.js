// Written by `make contract`, from what Python declares.

export default {
  "terms": {
    "CLAIM_OF": {
      "trainedAlgorithmicMedia": "generated",
      "trainedAlgorithmicData": "generated",
      "TrainedAlgorithmicMediaDigitalSource": "generated",
      "compositeWithTrainedAlgorithmicMedia": "partly-generated",
      "CompositeWithTrainedAlgorithmicMediaDigitalSource": "partly-generated",
      "compositeSynthetic": "partly-generated",
      "algorithmicMedia": "software",
      "dataDrivenMedia": "software",
      "digitalCreation": "software",
      "digitalArt": "software",
      "softwareImage": "software",
      "virtualRecording": "software",
      "algorithmicallyEnhanced": "edited",
      "composite": "edited",
      "humanEdits": "edited",
      "minorHumanEdits": "edited",
      "digitalCapture": "camera",
      "computationalCapture": "camera",
      "compositeCapture": "camera",
      "negativeFilm": "camera",
      "positiveFilm": "camera",
      "print": "camera",
      "screenCapture": "screen"
    }
  },
  "records": {
    "CLAIMS": [
      "generated",
      "partly-generated",
      "possibly-generated",
      "edited",
      "camera",
      "screen",
      "software"
    ],
    "HOLDING": [
      "trusted",
      "unknown"
    ],
    "MOST_DECLARATIONS": 20,
    "MOST_PROBLEMS": 10,
    "NAME_LENGTH": 100
  },
  "marks": {
    "IPTC": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "SOURCE_TYPES": [
      "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ DigitalSourceType",
      "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ DigitalSourcefileType"
    ],
    "AI_SYSTEM": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/ AISystemUsed",
    "CREDIT": "http://ns.adobe.com/photoshop/1.0/ Credit",
    "CREDITS": {
      "Made with Google AI": "generated",
      "Apple Photos Clean Up": "partly-generated"
    },
    "TOOL": "http://ns.adobe.com/xap/1.0/ CreatorTool",
    "XMP_COMMENT": "http://ns.adobe.com/exif/1.0/ UserComment",
    "REMOTE": "http://purl.org/dc/terms/ provenance",
    "AIGC": "http://www.tc260.org.cn/ns/AIGC/1.0/ AIGC",
    "AIGC_CLAIMS": {
      "1": "generated",
      "2": "possibly-generated",
      "3": "possibly-generated"
    },
    "PRODUCERS": {
      "001191110102MACQD9K64010000": "Doubao"
    },
    "TOOLS": [
      "Aphrodite AI",
      "Ideogram AI",
      "Luma AI",
      "NovelAI",
      "reve.com"
    ],
    "OWN_KEYS": {
      "invokeai_metadata": "InvokeAI",
      "sd-metadata": "InvokeAI",
      "hf-job-id": "Hugging Face"
    },
    "COMMENT_KEYS": [
      "comment",
      "parameters"
    ],
    "GROK_ARTIST": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
  },
  "exif": {
    "PLAIN": {
      "description": 270,
      "make": 271,
      "software": 305,
      "artist": 315
    },
    "EXIF_DIRECTORY": 34665,
    "USER_COMMENT": 37510,
    "WANTED": [
      270,
      271,
      305,
      315,
      37510
    ],
    "MOST_TEXT": 1000000,
    "CODE_BYTES": 8,
    "START": "Exif\u0000\u0000"
  },
  "xmp": {
    "MOST_DEPTH": 50,
    "MOST_PROPERTIES": 5000,
    "MOST_TEXT": 1000000,
    "RDF": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "RESOURCE": "http://www.w3.org/1999/02/22-rdf-syntax-ns# resource"
  },
  "pieces": {
    "HEAD_BYTES": 16000000,
    "PIECE_BYTES": 1000000,
    "XMP_BYTES": 8000000,
    "ALL_BYTES": 32000000,
    "MOST_PIECES": 200,
    "MOST_CHUNKS": 100000,
    "PNG_START": "\u0089PNG\r\n\u001a\n",
    "JPEG_APP1": 225,
    "JPEG_APP11": 235,
    "JPEG_COMMENT": 254,
    "JPEG_XMP": "http://ns.adobe.com/xap/1.0/\u0000",
    "JPEG_MORE_XMP": "http://ns.adobe.com/xmp/extension/\u0000",
    "MORE_XMP_HEAD": 40,
    "BARE_LABEL": "AIGC{",
    "UUID_BYTES": 16,
    "UUID_CREDENTIALS": "\u00d8\u00fe\u00c3\u00d6\u001b\u000eH<\u0092\u0097X(\u0087~\u00c4\u0081",
    "UUID_XMP": "\u00bez\u00cf\u00cb\u0097\u00a9B\u00e8\u009cq\u0099\u0094\u0091\u00e3\u00af\u00ac"
  },
  "tiff": {
    "SIZES": {
      "1": 1,
      "2": 1,
      "3": 2,
      "4": 4,
      "5": 8,
      "7": 1,
      "9": 4,
      "10": 8
    },
    "IN_PLACE": 4,
    "MOST_ENTRIES": 1000
  }
};
