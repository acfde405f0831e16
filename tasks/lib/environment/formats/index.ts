/** All formats of environment files, in the order of preference: locks first, and first what needs no further program. */

import type { EnvironmentFormat } from "../format.ts";
import { CONDA } from "./conda.ts";
import { CONDA_LOCK } from "./conda_lock.ts";
import { PIPFILE } from "./pipfile.ts";
import { PIPFILE_LOCK } from "./pipfile_lock.ts";
import { PIXI } from "./pixi.ts";
import { POETRY_LOCK } from "./poetry_lock.ts";
import { PYLOCK } from "./pylock.ts";
import { PYPROJECT } from "./pyproject.ts";
import { REQUIREMENTS } from "./requirements.ts";
import { SETUP } from "./setup.ts";
import { UV_LOCK } from "./uv_lock.ts";

export const FORMATS: readonly EnvironmentFormat[] = [
  UV_LOCK,
  PYLOCK,
  POETRY_LOCK,
  PIPFILE_LOCK,
  CONDA_LOCK,
  PIXI,
  REQUIREMENTS,
  PYPROJECT,
  PIPFILE,
  CONDA,
  SETUP,
];
