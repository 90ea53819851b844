/**
 * A stroke font for plots, so that their text is there on machines without fonts. A glyph is a list of polylines on a grid
 * 4 wide and 6 high (y down, 0 to 6; descenders to 8), each a string of digit pairs x, y. Small letters stand for capitals.
 */
const glyphs: Readonly<Record<string, string>> = {
  "0": "103041453616050110 0541",
  "1": "012026 0646",
  "2": "01103041420646",
  "3": "0110304142334445361605 1333",
  "4": "36300444",
  "5": "400002324345361605",
  "6": "413010010516364544331304",
  "7": "004016",
  "8": "103041423313020110 133344453616050413",
  "9": "051636454130100102133342",
  a: "12324346 441405163645",
  b: "0006 0312324345361605",
  c: "4332120305163645",
  d: "4046 4332120305163645",
  e: "04444332120305163645",
  f: "41302126 0333",
  g: "4247381807 4332120305163645",
  h: "0006 0312324346",
  i: "2226 2020",
  j: "32372818 3030",
  k: "0006 4204 1346",
  l: "20252636",
  m: "0602 03122326 23324346",
  n: "0602 0312324346",
  o: "123243453616050312",
  p: "0208 0312324345361605",
  q: "4248 4332120305163645",
  r: "0602 04123242",
  s: "43321203143445361605",
  t: "10152636 0232",
  u: "0205163645 4246",
  v: "022642",
  w: "0216233642",
  x: "0246 4206",
  y: "0226 421708",
  z: "02420646",
  ".": "2626",
  ",": "2517",
  "-": "1434",
  "+": "1434 2325",
  "/": "4006",
  ":": "2323 2626",
  "(": "31222536",
  ")": "11222516",
  "%": "4006 0010110100 3545463635",
  "=": "0343 0545",
  _: "0747",
  "*": "2225 1234 1432",
};

const advance = 5.5;

/** Width of a text of the given size (height of a digit), px. */
export const textWidth = (text: string, size: number): number =>
  (Math.max(text.length, 1) * advance - 1.5) * (size / 6);

/** An SVG path that writes `text` with its baseline at `y`, from `x` on rightwards. Unknown signs are left blank. */
export const textPath = (text: string, x: number, y: number, size: number): string => {
  const scale = size / 6;
  const commands: string[] = [];
  [...text.toLowerCase()].forEach((sign, place) => {
    for (const line of (glyphs[sign] ?? "").split(" ")) {
      for (let at = 0; at + 1 < line.length; at += 2) {
        const px = x + (place * advance + Number(line[at])) * scale;
        const py = y + (Number(line[at + 1]) - 6) * scale;
        commands.push(`${at === 0 ? "M" : "L"}${px.toFixed(2)} ${py.toFixed(2)}`);
        if (line.length === 4 && line.slice(0, 2) === line.slice(2)) commands.push("h0.01");
      }
    }
  });
  return commands.join("");
};
