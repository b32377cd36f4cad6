/** The series of `?series=a,b`, undefined where all are meant: none named, or `*`. */
export function askedSeries(url: URL): string[] | undefined {
  const asked = url.searchParams.getAll("series").flatMap((names) => names.split(","))
    .filter((name) => name !== "");
  return asked.length === 0 || asked.includes("*") ? undefined : asked;
}
