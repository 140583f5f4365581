// Written by `make contract`, from what Python declares.

export default {
  "pyramid": {
    "SMALLEST_PX": 20,
    "WINDOW_PX": 12,
    "STRIDE_PX": 2,
    "PYRAMID_STEP": 0.709
  },
  "preprocess": {
    "SIDE_PER_FACE": 1.66
  },
  "cascade": {
    "OUTSIDE": 127.5,
    "STRIP_PIXELS": 25000,
    "LONGEST_SIDE_PX": 32000,
    "MIXED_VALUES": 262144,
    "SIDES_KEPT": 64
  },
  "faces": {
    "RNET_PX": 24,
    "ONET_PX": 48,
    "THRESHOLDS": [
      0.6,
      0.7,
      0.8
    ],
    "LEVEL_OVERLAP": 0.5,
    "OVERLAP": 0.7,
    "RNET_BATCHES": [
      16,
      4,
      1
    ],
    "ONET_BATCHES": [
      4,
      2,
      1
    ]
  },
  "crops": {
    "SHARPNESS_PX": 128,
    "SHARPNESS_HALF": 0.01,
    "FRONTAL_EYES": 0.6
  },
  "cuts": {
    "SMALL_PX": [
      64,
      36
    ],
    "SHIFT": 0.2,
    "SAME_SCENE": 0.67,
    "FLASH_S": 0.75,
    "FLAT": 3.0
  },
  "matching": {
    "REACH": 1.0,
    "REACH_MOST": 4.0,
    "REACH_PER_S": 5.0,
    "REACH_PER_S_HEADING": 1.0,
    "GROWTH": 1.5,
    "GROWTH_PER_S": 0.5,
    "GROWTH_MOST": 2.5,
    "SAME_LOOK": 1.2,
    "MOST_UNLIKE": 1.25,
    "MOST_COST": 2.0,
    "LOOK_AROUND": 1.8
  },
  "tracks": {
    "HEADING_S": 0.7,
    "BRIDGE_S": 1.5,
    "BRIDGE_SAMPLES": 2.5,
    "LOST_S": 10.0,
    "LOST_SAMPLES": 4,
    "CLOSE": 0.1,
    "SURE": 0.99,
    "OFTEN": 3,
    "MOST_TRACKS": 100
  },
  "evidence": {
    "MOST_LOGIT": 6.0,
    "Z_95": 1.96,
    "Z_STRETCH": 3.1
  },
  "stability": {
    "MOST_CROPS": 8,
    "JPEG_QUALITY": 70,
    "SCALE": 0.85,
    "SHIFT": 0.03
  },
  "likelihood": {
    "STRENGTH_FROM": [
      2.0,
      10.0,
      100.0,
      1000.0,
      10000.0,
      1000000.0
    ],
    "STRENGTHS": [
      "none",
      "weak",
      "moderate",
      "moderately-strong",
      "strong",
      "very-strong",
      "extremely-strong"
    ],
    "NEUTRAL": 0.6931471805599453,
    "SHARPNESS_WITHIN": [
      0.01,
      0.99
    ]
  },
  "verdict": {
    "MOST_MOMENTS": 3,
    "MOMENTS_APART_S": 1.0
  },
  "options": {
    "samples_per_s": 3.0,
    "max_samples": 720,
    "min_face_px": 40,
    "max_crops": 24,
    "start_s": 0.0,
    "end_s": null,
    "explain": true,
    "stop_early": true,
    "schema_version": 2
  },
  "measured": {
    "covers": [
      "face swap",
      "composite",
      "generated face"
    ],
    "blind_to": [
      "portrait animation"
    ],
    "rates": {
      "flags_fake": 0.499,
      "flags_real": 0.017,
      "part": "DFDC test, single crops"
    }
  },
  "rules": {
    "min_face_px": 100.0,
    "min_sharpness": 0.3,
    "min_frontality": 0.25,
    "min_crops": 3,
    "min_stretch_s": 0.6,
    "usual": {
      "frames": 0.95,
      "correlation": 0.3,
      "clips": 1.2,
      "weight": 6.0
    }
  }
};
