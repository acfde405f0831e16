/** What the counters of processors say of energy, where the kernel lets this user read them. */

import { run } from "./command.ts";

/** Intel's and AMD's running average power limit: a zone for each processor package. */
const ZONES = Array.from({ length: 8 }, (_, index) => `/sys/class/powercap/intel-rapl:${index}`);

/** A counter begins again at its range, after an hour at 70 W on many machines. */
const EVERY_MS = 60_000;

interface Counter {
  /** Microjoules. */
  energy: number;
  range: number;
}

/** Adds up what the counters count from its making to its end, all that the machine does meanwhile included. */
export class EnergyMeter {
  readonly #timer: ReturnType<typeof setInterval>;
  #last: Promise<Map<string, Counter>>;
  #microjoules = 0;
  #isRead = true;

  constructor(readonly folders: readonly string[] = ZONES) {
    this.#last = readCounters(folders);
    this.#timer = setInterval(() => void this.#add(), EVERY_MS);
    Deno.unrefTimer(this.#timer);
  }

  async #add() {
    const [before, now] = [await this.#last, await readCounters(this.folders)];
    this.#last = Promise.resolve(now);
    for (const [zone, { energy, range }] of before) {
      const counter = now.get(zone);
      if (counter === undefined) this.#isRead = false;
      else this.#microjoules += (counter.energy - energy + range) % range;
    }
  }

  /** @returns joules; undefined where no counter could be read all the time: that is not measured, and never 0. */
  async end(): Promise<number | undefined> {
    clearInterval(this.#timer);
    const hasCounters = (await this.#last).size > 0;
    await this.#add();
    return hasCounters && this.#isRead ? this.#microjoules / 1e6 : undefined;
  }
}

/** By a process, since Deno itself reads nothing below /sys without all rights. */
async function readCounters(folders: readonly string[]): Promise<Map<string, Counter>> {
  const files = folders.flatMap((folder) => [`${folder}/energy_uj`, `${folder}/max_energy_range_uj`]);
  const { stdout } = await run(["grep", "-sH", ".", ...files]).catch(() => ({ stdout: "" }));
  const found = new Map(stdout.trim().split("\n").map((line) => line.split(/:(?=\d+$)/) as [string, string]));
  return new Map(folders.flatMap((folder): [string, Counter][] => {
    const [energy, range] = [found.get(`${folder}/energy_uj`), found.get(`${folder}/max_energy_range_uj`)];
    return energy === undefined || range === undefined
      ? []
      : [[folder, { energy: Number(energy), range: Number(range) + 1 }]];
  }));
}
