/** A string of JSON and what follows it, or a bracket that opens or closes. */
const tokens = /("(?:[^"\\]|\\.)*")\s*(:?)|([{[])|([}\]])/g;

/**
 * The names of a JSON object's own fields, as often as they stand there: JSON.parse keeps only the last of those that are
 * the same. The text is known to be JSON.
 */
export function topLevelNames(text: string): string[] {
  const names: string[] = [];
  let depth = 0;
  for (const [, string, colon, opening, closing] of text.matchAll(tokens)) {
    if (opening) depth++;
    else if (closing) depth--;
    else if (string && colon && depth === 1) names.push(JSON.parse(string));
  }
  return names;
}
