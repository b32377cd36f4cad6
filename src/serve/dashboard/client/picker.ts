import type { Api } from "./api.ts";
import type { Format } from "./format.ts";

/** The field with which a series is found and chosen. */
export interface Picker {
  /** Shows which series is on the page. */
  show(series: string): void;
}

/**
 * Makes the picker: a combobox with a list, searched on the server, so that thousands of series cost
 * the page nothing. Arrow keys move, Enter chooses, Escape gives up.
 *
 * @param choose Called with the series chosen.
 */
export function makePicker(api: Api, format: Format, choose: (series: string) => void): Picker {
  const LIMIT = 50;
  const WAIT_MS = 150;
  const input = document.querySelector<HTMLInputElement>("#picker")!;
  const list = document.querySelector<HTMLElement>("#picker-list")!;
  const note = document.querySelector<HTMLElement>("#picker-note")!;
  let shown = "";
  let active = -1;
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Answers may come out of order; only that of the last question counts. */
  let asked = 0;
  /** Enter was pressed before the answer came: choose its first. */
  let chooseFirst = false;

  function setActive(index: number): void {
    const options = [...list.children];
    active = options.length === 0 ? -1 : (index + options.length) % options.length;
    options.forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    if (active < 0) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  }

  function close(): void {
    clearTimeout(timer);
    asked++;
    chooseFirst = false;
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  }

  function pick(series: string): void {
    input.value = series;
    close();
    choose(series);
  }

  async function search(text: string): Promise<void> {
    const question = ++asked;
    const { series, matched, total } = await api.scores(text, LIMIT);
    if (question !== asked) return;
    if (chooseFirst && series.length > 0) return pick(series[0].series);
    list.replaceChildren(...series.map((row, index) => {
      const option = document.createElement("div");
      option.id = `picker-${index}`;
      option.setAttribute("role", "option");
      const name = document.createElement("span");
      name.className = "name";
      name.textContent = row.series;
      const figures = document.createElement("span");
      figures.className = "figures";
      figures.textContent = `${format.value(row.value)} · skill ${format.share(row.skill)}`;
      option.append(name, figures);
      // Before the field loses its focus, which closes the list.
      option.addEventListener("mousedown", (event) => {
        event.preventDefault();
        pick(row.series);
      });
      return option;
    }));
    note.textContent = matched > series.length
      ? `${format.count(series.length)} of ${format.count(matched)} matches; type to narrow`
      : `${format.count(matched)} of ${format.count(total)} series`;
    list.hidden = series.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    setActive(text === "" ? Math.max(0, series.findIndex((row) => row.series === shown)) : 0);
  }

  const searchSoon = (text: string): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      search(text).catch((error: Error) => note.textContent = error.message);
    }, WAIT_MS);
  };

  input.addEventListener("focus", () => {
    input.select();
    searchSoon("");
  });
  input.addEventListener("input", () => {
    // The list shown answers another text.
    close();
    note.textContent = "";
    searchSoon(input.value.trim());
  });
  input.addEventListener("blur", () => {
    close();
    input.value = shown;
    note.textContent = "";
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      close();
      input.value = shown;
      return;
    }
    if (event.key === "Enter") {
      event.preventDefault();
      if (active >= 0) return pick(list.children[active].querySelector(".name")!.textContent!);
      if (input.value !== shown) chooseFirst = true;
      return;
    }
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    if (list.hidden) return searchSoon(input.value === shown ? "" : input.value.trim());
    setActive(active + move);
  });

  return {
    show(series): void {
      shown = series;
      if (document.activeElement !== input) input.value = series;
    },
  };
}
