/** requirements.txt, one or several, without a lock: resolved before anything is fetched. */

import type { EnvironmentFormat } from "../format.ts";

export const REQUIREMENTS: EnvironmentFormat = {
  name: "requirements.txt",
  files: /^[^/]*require[^/]*\.(?:txt|in)$/i,
  isLock: false,
  canLock: true,
  has: ["as_of"],
  contents: async (request) => await (await import("../resolve.ts")).resolved(request),
};
