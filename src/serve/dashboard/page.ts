/** The icon: a line and the fan that opens from it. */
export const DASHBOARD_ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#0b6e8f"/>
<path d="M16 18 27 8v19z" fill="#fff" fill-opacity=".45"/>
<path d="M4 22l4-7 4 5 4-2 11-1" fill="none" stroke="#fff" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/>
</svg>`;

/** A panel with a chart: canvas, readout and legend, as charts.ts expects them. */
function chart(id: string, title: string, note: string, empty: string): string {
  return `<section class="panel chart" id="${id}" aria-labelledby="${id}-title">
  <header><h2 id="${id}-title">${title}</h2><span class="note">${note}</span></header>
  <div class="canvas" tabindex="0" role="group" aria-roledescription="chart" aria-label="${title}" aria-describedby="${id}-readout"></div>
  <p class="readout" id="${id}-readout"></p>
  <ul class="legend"></ul>
  <p class="nothing">${empty}</p>
</section>`;
}

function figure(title: string, value: string, note: string): string {
  return `<div class="tile"><dt>${title}</dt><dd><span class="figure" id="${value}">–</span><span class="note" id="${note}"></span></dd></div>`;
}

function choice(name: string, value: string, label: string, checked = false): string {
  return `<label><input type="radio" name="${name}" value="${value}"${
    checked ? " checked" : ""
  }><span>${label}</span></label>`;
}

const AHEAD_NOTE = `<span class="ahead-note"></span>`;

/** The page. Everything it shows comes later, from the routes under `/v1`. */
export const DASHBOARD_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Tickcast</title>
<link rel="icon" href="/favicon.ico" type="image/svg+xml">
<link rel="stylesheet" href="/dashboard/style.css">
<script defer src="/dashboard/uplot.js"></script>
<script defer src="/dashboard/main.js"></script>
</head>
<body>
<a class="skip" href="#content">Skip to the forecast</a>
<header class="top">
  <div class="brand"><img src="/favicon.ico" alt="" width="26" height="26"><h1>Tickcast</h1></div>
  <div class="find">
    <label for="picker">Series</label>
    <input id="picker" type="text" role="combobox" aria-expanded="false" aria-controls="picker-list" aria-autocomplete="list" aria-describedby="picker-note" autocomplete="off" spellcheck="false" placeholder="Find a series">
    <div id="picker-list" role="listbox" aria-label="Series found" hidden></div>
    <span id="picker-note" role="status"></span>
  </div>
  <span id="live" class="pill" role="status">Connecting</span>
</header>
<form id="token-form" class="panel" hidden>
  <label for="token">This server asks for a token with the scope read</label>
  <input id="token" type="password" autocomplete="off" required>
  <button type="submit">Open</button>
</form>
<p id="problem" class="panel problem" role="alert" hidden></p>
<main id="content" tabindex="-1">
  <p id="waiting" class="panel nothing-yet" hidden>No ticks have come yet. The page goes on by itself when the first one does.</p>
  <div id="series-panel" hidden>
    <dl class="tiles" aria-label="Latest figures">
${figure("Last value", "now-value", "now-time")}
${figure("Next step", "next-value", "next-band")}
${figure("Skill against naive", "skill-first", "skill-last")}
${figure("Inside the 90 % band", "coverage-first", "coverage-last")}
${figure("Mean absolute error", "mae-first", "mae-last")}
${figure("State", "flags", "flags-note")}
    </dl>
    <section class="panel chart main" id="forecast-chart" aria-labelledby="series-title">
      <header>
        <h2 id="series-title">Series</h2>
        <div class="choices">
          <fieldset><legend>Past forecasts</legend>${choice("ahead", "first", "1 step", true)}${
  choice("ahead", "last", `<span id="ahead-last">Last step</span>`)
}</fieldset>
          <fieldset><legend>Steps shown</legend>${choice("steps", "64", "64")}${
  choice("steps", "160", "160", true)
}${choice("steps", "512", "512")}</fieldset>
        </div>
      </header>
      <div class="canvas" tabindex="0" role="group" aria-roledescription="chart" aria-label="Forecast" aria-describedby="forecast-readout"></div>
      <p class="readout" id="forecast-readout"></p>
      <ul class="legend"></ul>
      <details>
        <summary>The forecast as a table</summary>
        <div class="scroll" tabindex="0" role="region" aria-label="The forecast as a table">
        <table>
          <thead><tr><th scope="col">Step</th><th scope="col">Time, UTC</th><th scope="col">Mean</th><th scope="col">5 %</th><th scope="col">95 %</th></tr></thead>
          <tbody id="forecast-rows"></tbody>
        </table>
        </div>
      </details>
    </section>
    <div class="grid">
${
  chart(
    "skill-chart",
    "Skill against naive",
    "1 − MAE / MAE of the last value, over about 100 steps",
    "Scores appear when enough forecasts have met their truth.",
  )
}
${
  chart(
    "coverage-chart",
    "Coverage of the bands",
    `Share of truths inside, ${AHEAD_NOTE}`,
    "Scores appear when enough forecasts have met their truth.",
  )
}
${
  chart(
    "weights-chart",
    "Weights of the experts",
    `Shares of the mixture, ${AHEAD_NOTE}`,
    "Weights appear as ticks come in.",
  )
}
${
  chart(
    "learning-chart",
    "Learning curve",
    "Losses of the latest retraining, round by round",
    "No retraining yet.",
  )
}
    </div>
  </div>
  <div class="grid">
    <div class="stack">
      <section class="panel" aria-labelledby="events-title">
        <header><h2 id="events-title">Events</h2></header>
        <ol id="events" class="scroll" tabindex="0" aria-label="Events, the newest first" hidden></ol>
        <p class="nothing-yet" id="events-empty">Nothing has happened yet.</p>
      </section>
      <section class="panel" aria-labelledby="feeds-title">
        <header><h2 id="feeds-title">Feeds</h2></header>
        <table id="feeds" hidden>
          <thead><tr><th scope="col">Feed</th><th scope="col">State</th><th scope="col">Last message</th><th scope="col">Reconnects</th></tr></thead>
          <tbody id="feed-rows"></tbody>
        </table>
        <p class="nothing-yet" id="feeds-empty">No feed is followed: ticks come in by the API.</p>
      </section>
    </div>
    <div class="stack">
      <section class="panel" aria-labelledby="learner-title">
        <header><h2 id="learner-title">Retrainings</h2></header>
        <div id="learner" hidden>
          <p class="note" id="learner-note"></p>
          <div class="scroll" tabindex="0" role="region" aria-label="Retrainings">
          <table>
            <thead><tr><th scope="col">Frame</th><th scope="col">Why</th><th scope="col">Verdict</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
            <tbody id="run-rows"></tbody>
          </table>
          </div>
        </div>
        <p class="nothing-yet" id="learner-empty">No network here: the experts learn from every tick.</p>
      </section>
      <section class="panel" aria-labelledby="server-title">
        <header><h2 id="server-title">Server</h2></header>
        <dl id="server" class="facts"></dl>
      </section>
    </div>
  </div>
</main>
<noscript><p class="panel problem">The dashboard needs JavaScript; the same data is under /v1.</p></noscript>
</body>
</html>
`;
