/** Why a value can't be had from a file; the message goes on after the file's name: `is not JSON: …`, `has no …`. */
export class ContentProblem extends Error {}
