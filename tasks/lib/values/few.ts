/**
 * Names for a message: the first of them and how many are left out, so that no list fills the terminal.
 *
 * @param none what stands there for an empty list
 * @example few(["a", "b", "c"], "none", 2); // "a, b and 1 more"
 */
export function few(names: readonly string[], none = "none", most = 5): string {
  if (names.length <= most) return names.join(", ") || none;
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}
