// Numbers as people type them, by the rules and in the words of `gdopt.spreadsheet` for a cell that stands alone. An
// <input type="number"> drops a decimal comma without a word: 55,5 becomes 555.

const NUMBER = /^[+\-\u2212]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d{1,4})?$/;
// A number that might as well have a separator of thousands.
const THOUSANDS = /^[+\-\u2212]?[1-9]\d{0,2}[.,]\d{3}$/;

/** The number that a text is; throws an error that says why it is none, or might be either of two. */
export function number(text) {
  const typed = text.trim();
  if (!NUMBER.test(typed)) throw new Error(`${quoted(typed)} is not a number`);
  if (THOUSANDS.test(typed)) {
    const whole = typed.replace(/[,.]/, "");
    throw new Error(`${quoted(typed)} may be ${typed.replace(",", ".")} or ${whole}; one digit more says which: ${typed}0`);
  }
  const value = Number(typed.replace(",", ".").replace("\u2212", "-"));
  if (!Number.isFinite(value)) throw new Error(`${quoted(typed)} is not finite`);
  return value;
}

/** The whole number above 0 that a text is; throws an error that says why it is none. */
export function count(text) {
  const typed = text.trim();
  if (!/^\d{1,9}$/.test(typed) || Number(typed) < 1) throw new Error(`${quoted(typed)} is not a whole number above 0`);
  return Number(typed);
}

const quoted = (text) => (text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`);
