// What a file declares of its origin, as far as a browser reads it: all that the service reads but the
// signature of Content Credentials, which only the service tests.

import { NotRead } from "./bytes.js";
import { declaration, declarations } from "./marks.js";
import names from "./names.js";
import { gather } from "./pieces.js";

/** @import { Provenance } from "../verdict/types.js" @import { Source } from "./bytes.js" */

/** @param {Source} source @returns {Promise<Provenance|null>} null where nothing can be said: it is not read, or not to its end */
export async function originIn(source) {
  const pieces = await gather(source).catch((error) => {
    if (!(error instanceof NotRead)) throw error;
    return null;
  });
  if (!pieces) return null;
  const credentials = pieces.credentials ? [declaration("content-credentials", [], null, "unchecked")] : [];
  const found = [...credentials, ...declarations(pieces)].slice(0, names.records.MOST_DECLARATIONS);
  return pieces.whole || found.length ? { state: "read", declarations: found } : null;
}
