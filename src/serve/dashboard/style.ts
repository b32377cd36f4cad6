const DARK = `
  --page: #0e1419; --surface: #161d24; --line: #28323c; --grid: #232c35;
  --ink: #e6edf3; --ink-2: #93a1af;
  --truth: #e6edf3; --fan: #3fb8de; --fan-band: rgba(63, 184, 222, .17);
  --past: #e0a458; --past-band: rgba(224, 164, 88, .15);
  --alert: #ff7b72; --good: #56d364; --focus: #79c0ff; --accent: #3fb8de;
  --expert-0: #7d8b99; --expert-1: #d99a3e; --expert-2: #b8743b; --expert-3: #8a6fc9;
  --expert-4: #4fa37a; --expert-5: #3fb8de; --expert-6: #2f7fae; --expert-7: #d3709b;
  --expert-8: #a34f78; --expert-9: #9fb14b; --expert-10: #d8665c; --expert-11: #5f6ed6;`;

/** The style of the page, light and dark, after uPlot's own. */
export const DASHBOARD_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f3f5f7; --surface: #ffffff; --line: #d9dfe5; --grid: #e8ecf0;
  --ink: #16202a; --ink-2: #5a6875;
  --truth: #16202a; --fan: #0b7ea4; --fan-band: rgba(11, 126, 164, .16);
  --past: #b0660f; --past-band: rgba(208, 128, 32, .16);
  --alert: #c62828; --good: #1b7f3b; --focus: #0b5fb0; --accent: #0b7ea4;
  --expert-0: #94a1ad; --expert-1: #e0a94f; --expert-2: #c1854c; --expert-3: #9a82d4;
  --expert-4: #63b08b; --expert-5: #4bb3d3; --expert-6: #3a86b4; --expert-7: #dd86ab;
  --expert-8: #ae5e87; --expert-9: #a9ba58; --expert-10: #de7a70; --expert-11: #6f7de0;
}
@media (prefers-color-scheme: dark) { :root {${DARK} } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999px; }
.skip:focus { left: 8px; top: 8px; z-index: 9; background: var(--surface); padding: 6px 10px; color: var(--ink); }
.top { position: sticky; top: 0; z-index: 5; display: flex; align-items: center; gap: 16px; padding: 10px 20px; background: var(--surface); border-bottom: 1px solid var(--line); }
.brand { display: flex; align-items: center; gap: 9px; }
h1 { font-size: 17px; margin: 0; letter-spacing: .01em; }
.find { position: relative; display: flex; align-items: center; gap: 8px; flex: 1; max-width: 560px; }
.find label { color: var(--ink-2); }
input[type=text], input[type=password] { flex: 1; min-width: 0; font: inherit; color: var(--ink); background: var(--page); border: 1px solid var(--line); border-radius: 7px; padding: 6px 10px; }
#picker-list { position: absolute; top: calc(100% + 4px); left: 0; right: 0; max-height: 320px; overflow: auto; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 8px 28px rgba(0, 0, 0, .22); padding: 4px; }
#picker-list > div { display: flex; justify-content: space-between; gap: 12px; padding: 6px 9px; border-radius: 6px; cursor: pointer; }
#picker-list > div:hover { background: var(--page); }
#picker-list > [aria-selected=true] { background: var(--accent); color: var(--surface); }
#picker-list [aria-selected=true] .figures { color: inherit; }
.name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.figures, #picker-note, .note { color: var(--ink-2); font-size: 12.5px; }
.figures, #picker-note { white-space: nowrap; }
.pill { margin-left: auto; padding: 3px 11px 3px 9px; border: 1px solid var(--line); border-radius: 99px; font-size: 12.5px; white-space: nowrap; }
.pill::before { content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 7px; background: var(--ink-2); }
.pill.live::before { background: var(--good); animation: pulse 2s infinite; }
.pill.polling::before { background: var(--past); }
.pill.offline::before { background: var(--alert); }
@keyframes pulse { 50% { opacity: .35; } }
@media (prefers-reduced-motion: reduce) { *, *::before, *::after { animation: none !important; transition: none !important; scroll-behavior: auto !important; } }
main { max-width: 1440px; margin: 0 auto; padding: 16px 20px 32px; outline: none; }
.panel { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 13px 16px; margin: 0; min-width: 0; }
.panel > header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 10px; margin-bottom: 8px; }
h2 { font-size: 14.5px; font-weight: 650; margin: 0; }
#token-form { display: flex; flex-wrap: wrap; align-items: center; gap: 10px; max-width: 640px; margin: 16px auto; }
button { font: inherit; padding: 6px 16px; border: 0; border-radius: 7px; background: var(--accent); color: var(--surface); cursor: pointer; }
.problem { color: var(--alert); max-width: 1400px; margin: 16px auto 0; }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 12px; margin: 0 0 12px; }
.tile { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 10px 14px; min-width: 0; }
.tile dt { color: var(--ink-2); font-size: 12.5px; }
.tile dd { margin: 1px 0 0; }
.figure { display: block; font-size: 21px; font-weight: 650; font-variant-numeric: tabular-nums; line-height: 1.3; }
.figure.good { color: var(--good); }
.figure.bad { color: var(--alert); }
.tile .note { display: block; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.grid { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; margin-top: 12px; }
.stack { display: flex; flex-direction: column; gap: 12px; min-width: 0; }
.chart { display: flex; flex-direction: column; }
.canvas { height: 210px; position: relative; }
.main .canvas { height: 360px; }
.main > header { justify-content: space-between; align-items: center; }
.main h2 { font-size: 16px; }
.readout { min-height: 18px; margin: 4px 0 2px; font-size: 12.5px; line-height: 18px; color: var(--ink-2); font-variant-numeric: tabular-nums; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 3px 16px; margin: 0; padding: 0; font-size: 12.5px; }
.legend li { display: flex; align-items: center; gap: 6px; font-variant-numeric: tabular-nums; }
.swatch { width: 16px; height: 0; border-top: 2px solid var(--swatch); }
.swatch.block { width: 11px; height: 11px; border: 0; border-radius: 3px; background: var(--swatch); }
.swatch.dot { width: 8px; height: 8px; border: 0; border-radius: 50%; background: var(--swatch); }
.swatch.dash { border-top-style: dashed; }
.swatch.band { height: 11px; border: 0; border-radius: 2px; background: linear-gradient(var(--swatch), var(--swatch)) center / 100% 2px no-repeat, color-mix(in srgb, var(--swatch) 28%, transparent); }
.nothing, .nothing-yet { color: var(--ink-2); }
.nothing { display: none; }
.nothing-yet { margin: 4px 0; }
.chart.empty .canvas, .chart.empty .readout, .chart.empty .legend { display: none; }
.chart.empty .nothing { display: flex; align-items: center; justify-content: center; text-align: center; min-height: 120px; flex: 1; margin: 0; border: 1px dashed var(--line); border-radius: 8px; }
.choices { display: flex; flex-wrap: wrap; gap: 6px 16px; }
fieldset { border: 0; padding: 0; margin: 0; display: flex; align-items: center; }
fieldset legend { float: left; color: var(--ink-2); font-size: 12.5px; margin-right: 8px; padding: 0; }
fieldset label { position: relative; border: 1px solid var(--line); margin-left: -1px; font-size: 12.5px; cursor: pointer; }
fieldset label:first-of-type { border-radius: 7px 0 0 7px; }
fieldset label:last-of-type { border-radius: 0 7px 7px 0; }
fieldset input { position: absolute; opacity: 0; inset: 0; margin: 0; cursor: pointer; }
fieldset label > span { display: block; padding: 3px 10px; }
fieldset label:first-of-type > span { border-radius: 6px 0 0 6px; }
fieldset label:last-of-type > span { border-radius: 0 6px 6px 0; }
fieldset input:checked + span { background: var(--accent); color: var(--surface); }
fieldset input:focus-visible + span { outline: 2px solid var(--focus); outline-offset: 2px; }
details { margin-top: 8px; }
summary { cursor: pointer; color: var(--ink-2); font-size: 12.5px; width: fit-content; }
.scroll { max-height: 232px; overflow: auto; }
table { width: 100%; border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--ink-2); font-weight: 500; font-size: 12.5px; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--grid); white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
.state { padding: 1px 8px; border-radius: 99px; border: 1px solid currentColor; font-size: 12px; color: var(--ink-2); }
.state.connected, .state.promoted { color: var(--good); }
.state.stale, .state.ended, .state.reconnecting, .state.rolled-back { color: var(--alert); }
#events { list-style: none; margin: 0; padding: 0; font-size: 13px; }
#events li { display: grid; grid-template-columns: 66px 58px 1fr; gap: 8px; padding: 4px 0; border-bottom: 1px solid var(--grid); }
#events li:last-child { border-bottom: 0; }
#events time { color: var(--ink-2); font-variant-numeric: tabular-nums; }
#events span { overflow-wrap: anywhere; }
.topic { font-size: 12px; color: var(--ink-2); }
.topic.model { color: var(--accent); }
.topic.server { color: var(--alert); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 18px; margin: 0; font-size: 13px; }
.facts dt { color: var(--ink-2); }
.facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (max-width: 1100px) { .tiles { grid-template-columns: repeat(3, 1fr); } }
@media (max-width: 760px) {
  .top { flex-wrap: wrap; gap: 8px 12px; padding: 8px 12px; }
  .find { order: 3; flex-basis: 100%; max-width: none; }
  .find label, #picker-note { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  main { padding: 10px 12px 24px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; margin-bottom: 8px; }
  .tile { padding: 8px 11px; }
  .figure { font-size: 18px; }
  .grid { grid-template-columns: minmax(0, 1fr); gap: 8px; margin-top: 8px; }
  .stack { gap: 8px; }
  .panel { padding: 11px 12px; }
  .main .canvas { height: 270px; }
  .choices { width: 100%; justify-content: space-between; }
}
`;
