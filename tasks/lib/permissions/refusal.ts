/** Why the helper refused: a repair that would not end with the files in the right hands is not begun. */

import { Failure } from "../cli/failure.ts";
import { visibleLine } from "../cli/visible.ts";
import type { Refusal, Report } from "./helper.ts";
import type { Place } from "./place.ts";
import type { Request } from "./request.ts";
import { number } from "./show.ts";

/** @throws Failure(2) or (3) that says why nothing was touched, if so. */
export function accepted(answer: Report | Refusal, place: Place, { root }: Request): Report {
  if (!("refused" in answer)) return answer;
  const engine = place.kind === "container" ? place.program : "this process";
  const remedy = "sudo $(command -v deno) task fix-permissions";
  switch (answer.refused) {
    case "other ids":
      throw new Failure(
        3,
        `Cannot repair ${root}: ${visibleLine(answer.path)} belongs to ${
          answer.caller.join(":")
        }, and in a container of ` +
          `${engine} to ${
            answer.here.join(":")
          }, so it would give the files to somebody else; nothing was touched`,
        { remedy },
      );
    case "no such id":
      throw new Failure(
        3,
        `Cannot repair ${root}: ${engine} knows no user ${answer.uid}:${answer.gid} in its containers; nothing was touched`,
        { remedy },
      );
    case "nearly everything": {
      const foreign = answer.owners.reduce((sum, { count }) => sum + count, 0);
      throw new Failure(
        2,
        `Cannot repair ${root}: ${number(foreign)} of ${
          number(answer.entries)
        } files and folders belong to somebody ` +
          "else, so it may be somebody else's project; nothing was touched",
        {
          problems: answer.owners.map(({ uid, gid, count }) => ({
            message: `${number(count)} of ${uid}:${gid}`,
          })),
          remedy: "If all of it is to be yours: deno task fix-permissions --all",
        },
      );
    }
    default:
      return answer satisfies never;
  }
}
