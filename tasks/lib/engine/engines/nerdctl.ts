import { containerEngine } from "../container_engine.ts";

export const ENGINE = containerEngine("nerdctl");
