import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js";
import { ConfigError } from "./config.ts";

/** The region that national numbers are of. Throws a ConfigError where there is no such region. */
export function readPhoneRegion(region: string): CountryCode {
  if (isSupportedCountry(region)) return region;
  throw new ConfigError(`DEFAULT_PHONE_REGION: "${region}" is no region that has phone numbers`);
}

/** A phone number as E.164; undefined where it is none. An extension cannot be told by SMS, so there may be none. */
export function readPhoneNumber(text: string, region: CountryCode): string | undefined {
  const number = parsePhoneNumberFromString(text, { defaultCountry: region, extract: false });
  return number?.isValid() && !number.ext ? number.number : undefined;
}
