// The faces' pictures, each asked for once, though the popup is drawn anew with every change.

import { ask } from "../view/ask.js";

/** @returns {(of: {id: string, face: number}) => Promise<string|null>} a data URL; null where there is none */
export function createPictures() {
  /** @type {Map<string, Promise<string|null>>} */
  const known = new Map();
  return ({ id, face }) => {
    const key = `${id}/${face}`;
    const picture = known.get(key) ?? ask({ type: "picture", id, face });
    known.set(key, picture);
    return picture;
  };
}
