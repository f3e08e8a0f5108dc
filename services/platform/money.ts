/** The largest amount, either way, in minor units: 2^53 - 1. */
export const mostMinorUnits = 9_007_199_254_740_991n;

/** ISO 4217, the codes in use, by the number of digits after the point. */
const codesByDigits: Readonly<Record<number, string>> = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  2:
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW " +
    "CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF " +
    "IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK " +
    "MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP " +
    "SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD XCG YER " +
    "ZAR ZMW ZWG",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

const digitsByCode: ReadonlyMap<string, number> = new Map(
  Object.entries(codesByDigits).flatMap(([digits, codes]) => codes.split(" ").map((code) => [code, Number(digits)])),
);

/** ISO 4217: the currencies in use, by code. */
export const currencies: readonly string[] = [...digitsByCode.keys()].sort();

/** Whether it is the ISO 4217 code of a currency in use. */
export function isCurrency(code: string): boolean {
  return digitsByCode.has(code);
}

/** Digits after the point: 2 for SAR, 0 for KRW, 3 for KWD. Throws a RangeError for what is no currency. */
function digitsOf(currency: string): number {
  const digits = digitsByCode.get(currency);
  if (digits === undefined) throw new RangeError(`${currency} is not a currency`);
  return digits;
}

/** One major unit (1.00 SAR) in minor units. */
export function majorUnit(currency: string): bigint {
  return 10n ** BigInt(digitsOf(currency));
}

/** An amount that was read, or what is wrong with it: the end of a sentence that starts "The amount …". */
export type ParsedAmount = { readonly minorUnits: bigint } | { readonly problem: string };

/** Reads a decimal string as an amount above zero. */
export function parseAmount(text: string, currency: string): ParsedAmount {
  const digits = digitsOf(currency);
  const [, sign, whole, fraction = ""] = /^(-?)([0-9]{1,20})(?:\.([0-9]{1,20}))?$/.exec(text) ?? [];
  if (whole === undefined) return { problem: "must be a number" };
  if (fraction.length > digits) {
    return { problem: digits === 0 ? "must have no decimals" : `must have at most ${digits} decimals` };
  }
  const minorUnits = BigInt(whole + fraction.padEnd(digits, "0"));
  if (sign === "-" || minorUnits === 0n) return { problem: "must be greater than 0" };
  if (minorUnits > mostMinorUnits)
    return { problem: `must not be greater than ${formatAmount(mostMinorUnits, currency)}` };
  return { minorUnits };
}

/** Writes an amount with the currency's own number of digits: `200.00` SAR, `200` KRW, `200.000` KWD. */
export function formatAmount(minorUnits: bigint, currency: string): string {
  const digits = digitsOf(currency);
  const sign = minorUnits < 0n ? "-" : "";
  const text = String(minorUnits < 0n ? -minorUnits : minorUnits).padStart(digits + 1, "0");
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
