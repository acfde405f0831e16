/** What the program takes of Node's modules only when it is used, for a browser: in the place of `system/node.ts`. */

import { createHash, hash } from "./node_builtins.ts";

export const nodeCrypto = () => ({ createHash, hash });

function notHere(): never {
  throw new Error("a page has neither files nor processes");
}

export const nodeFs = notHere;

export const nodeProcess = notHere;
