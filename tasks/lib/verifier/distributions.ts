/** In the place of `statistics/distributions.ts`: claims over seeds are those of a sweep, which the page does not judge. */

function notHere(): never {
  throw new Error("claims over seeds are not judged in a browser: deno task verify judges them");
}

export const tQuantile = notHere;
export const tProbability = notHere;
export const noncentralTProbability = notHere;
export const betaQuantile = notHere;
export const normalProbability = notHere;
export const normalQuantile = notHere;
