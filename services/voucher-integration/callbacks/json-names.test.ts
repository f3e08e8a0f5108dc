import test from "ava";
import fc from "fast-check";
import { topLevelNames } from "./json-names.ts";

test("the names of any object are those that JSON.parse finds", (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()), fc.nat(3), (object, space) => {
      const text = JSON.stringify(object, undefined, space);
      t.deepEqual(topLevelNames(text).toSorted(), Object.keys(JSON.parse(text)).toSorted());
    }),
  );
});

const twice = {
  '{"a":1,"a":2}': ["a", "a"],
  '{"a":1,"\\u0061":2}': ["a", "a"],
  '{ "a" : {"a":1,"b":[{"a":2}]} ,\n"b" :"{\\"a\\":1}", "c":"\\\\" }': ["a", "b", "c"],
  '{"__proto__":1,"__proto__":2}': ["__proto__", "__proto__"],
  '["a",{"a":1}]': [],
  "{}": [],
};

for (const [text, names] of Object.entries(twice)) {
  test(`in ${text} there are ${names.join(", ") || "none"}`, (t) => t.deepEqual(topLevelNames(text), names));
}
