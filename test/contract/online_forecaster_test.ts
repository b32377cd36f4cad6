import { LIGHT_EXPERTS, OnlineForecaster } from "../../mod.ts";
import { forecasterSuite } from "./forecaster_suite.ts";

forecasterSuite("all experts", () => new OnlineForecaster({ horizon: 3 }));
forecasterSuite(
  "light experts",
  () => new OnlineForecaster({ horizon: 2, experts: LIGHT_EXPERTS, levels: [0.1, 0.5, 0.9] }),
);
forecasterSuite(
  "a given season",
  () => new OnlineForecaster({ horizon: 30, experts: ["seasonal_naive"], season: 24 }),
);
