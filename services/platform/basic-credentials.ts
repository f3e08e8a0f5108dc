/** The header that says who calls, by the user and password in a URL (RFC 7617); none where it has neither. */
export function basicAuthorization({ username, password }: URL): { readonly authorization?: string } {
  if (username === "" && password === "") return {};
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(credentials).toString("base64")}` };
}
