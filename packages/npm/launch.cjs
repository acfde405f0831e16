#!/usr/bin/env node
// Starts a task with this package's Deno and with the permissions that product/deno.json declares for it.
const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const { basename, join } = require("node:path");
const product = join(__dirname, "product");
const config = join(product, "deno.json");
const { tasks } = require(config);
const byNpx = process.env.npm_command === "exec";
const typed = ["-h", "--help"].includes(process.argv.slice(2).join(" ")) ? [] : process.argv.slice(2);
const [name, args] = Object.hasOwn(tasks, typed[0]) ? [typed[0], typed.slice(1)] : ["help", typed];
const words = tasks[name].command.split(" ").slice(1);
const script = join(product, words.pop());
const env = {
  ...process.env,
  INIT_CWD: process.cwd(),
  EXPERIMENT_PROGRAM: byNpx ? "npx gpu-jupyter-tasks" : basename(process.argv[1]),
};
// Node can't become another program, so it waits; what ends it is for Deno, which ends what it has started.
const deno = require("deno/install_api.cjs").runInstall();
const child = spawn(deno, [...words, "--config", config, script, ...args], { stdio: "inherit", env });
for (const signal of ["SIGINT", "SIGQUIT"]) process.on(signal, () => {}); // a terminal sends them to both
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
