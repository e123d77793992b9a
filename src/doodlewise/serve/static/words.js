/** @file Words in sentences: "a cat", "an owl", "grass", "the Eiffel Tower", "scissors". */

const WITHOUT = new Set([
  "animal migration", "asparagus", "bread", "broccoli", "camouflage", "grass", "lightning", "rain",
  "yoga", "jail", "toothpaste", "underwear", "steak",
  "binoculars", "drums", "eyeglasses", "flip flops", "grapes", "headphones", "matches", "pants", "peas",
  "pliers", "rollerskates", "scissors", "shorts", "stairs", "stitches",
]);
const THE = new Set(["beach", "moon", "ocean", "sun"]);

/** @param {string} word */
export function withArticle(word) {
  if (word.startsWith("The ")) return `the ${word.slice(4)}`;
  if (WITHOUT.has(word)) return word;
  if (THE.has(word)) return `the ${word}`;
  return /^[aeiou]/i.test(word) && !/^(uni|eu|one)/i.test(word) ? `an ${word}` : `a ${word}`;
}

/** "a, b or c". @param {string[]} list */
export function orList(list) {
  if (list.length < 2) return list.join("");
  return `${list.slice(0, -1).join(", ")} or ${list[list.length - 1]}`;
}

/** @param {number} probability 0 to 1 */
export function percent(probability) {
  if (probability >= 0.995) return "99\u00a0%";
  return `${Math.max(Math.round(probability * 100), 0)}\u00a0%`;
}

/** "1 drawing", "3 drawings". */
export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** A guess as a sentence. @param {any} guess */
export function sayGuess(guess) {
  const [first, second] = guess.guesses;
  if (guess.sure) return `I see ${withArticle(first.word)}!`;
  const list = [first, second].filter((each) => each && each.probability > 0.08);
  if (!list.length) return "Not sure yet. Draw on.";
  return `Not sure yet. Maybe ${orList(list.map((each) => withArticle(each.word)))}.`;
}
