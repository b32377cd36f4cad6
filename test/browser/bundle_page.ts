// Runs in a tab.
import { bundleTrial } from "./bundle_trial.ts";

Object.assign(globalThis, { trial: bundleTrial });
