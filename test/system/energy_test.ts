import assert from "node:assert/strict";
import { join } from "node:path";
import { EnergyMeter } from "../../tasks/lib/system/energy.ts";

/** Made counters: the real ones are root's on most machines, and none are in most containers. */
async function counters(folder: string, ...energies: number[]): Promise<string[]> {
  const zones = energies.map((_, index) => join(folder, `intel-rapl:${index}`));
  for (const [index, zone] of zones.entries()) {
    await Deno.mkdir(zone, { recursive: true });
    await Deno.writeTextFile(join(zone, "energy_uj"), `${energies[index]}\n`);
    await Deno.writeTextFile(join(zone, "max_energy_range_uj"), "9999999\n");
  }
  return zones;
}

Deno.test("EnergyMeter adds up what the counters count, also where one begins again", async () => {
  const folder = await Deno.makeTempDir({ prefix: "energy-" });
  const meter = new EnergyMeter(await counters(folder, 1_000_000, 9_000_000));
  await new Promise((resolve) => setTimeout(resolve, 500)); // until it has read them
  await counters(folder, 3_500_000, 500_000);
  assert.equal(await meter.end(), 2.5 + 1.5);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("EnergyMeter measures nothing where there is no counter, and that is not 0", async () => {
  assert.equal(await new EnergyMeter(["/nowhere/intel-rapl:0"]).end(), undefined);
});
