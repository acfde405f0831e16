/** What a kind of source is: one object, in a file of its own in `kinds/`, and a line in its `index.ts`. */

import type { Draft } from "./draft.ts";
import type { Repository } from "./repository.ts";

export interface Kind {
  /** As it is named where it was passed over, e.g. `dvc.yaml`. */
  name: string;
  /**
   * Adds what it finds to the draft. Those before it in the list have added theirs already. It reads only, and starts
   * nothing.
   *
   * @throws what is wrong with one of its files; the kind is then named and left out
   */
  look(repository: Repository, draft: Draft): void | Promise<void>;
}
