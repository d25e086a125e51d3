// Microsoft's JavaScript Graph client and MSAL for Node against the simulator. Usage: node check.mjs READY-FILE, with NODE_EXTRA_CA_CERTS set.
import { readFileSync } from "node:fs";
import { X509Certificate } from "node:crypto";
import assert from "node:assert/strict";
import { ConfidentialClientApplication, CryptoProvider } from "@azure/msal-node";
import { BatchRequestContent, BatchResponseContent, Client, PageIterator, RetryHandlerOptions } from "@microsoft/microsoft-graph-client";

const cloud = JSON.parse(readFileSync(process.argv[2], "utf8"));
const tenant = cloud.tenants[0];
const host = new URL(cloud.login_url).host;
const mailbox = "/users/chloe@contoso.example";

const appScopes = ["https://graph.microsoft.com/.default"];

function registration(name) {
  return tenant.apps.find((a) => a.name === name);
}

// auth is MSAL's configuration of an app, with the credential it shall use.
function auth(app, credential) {
  return { auth: { clientId: app.client_id, authority: `${cloud.login_url}/${tenant.tenant_id}`, knownAuthorities: [host], ...credential } };
}

// token signs an app in by its secret.
async function token(name) {
  const app = registration(name);
  const msal = new ConfidentialClientApplication(auth(app, { clientSecret: app.client_secret }));
  return (await msal.acquireTokenByClientCredential({ scopes: appScopes })).accessToken;
}

// browse signs a person in as a browser without script would, filling in the pages' forms, and gives what the callback is told.
async function browse(link, callback, person) {
  let at = link;
  let ask = {};
  const cookies = new Map();
  for (let page = 0; page < 8; page++) {
    const answer = await fetch(at, { ...ask, redirect: "manual", headers: { Cookie: [...cookies].map((c) => c.join("=")).join("; ") } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    if (answer.status === 302) {
      at = new URL(answer.headers.get("Location"), at);
      if (at.href.startsWith(callback)) return at.searchParams;
      ask = {};
      continue;
    }
    const text = await answer.text();
    const form = /<form method="post" action="([^"]*)">(.*?)<\/form>/s.exec(text);
    assert.ok(form, `a page without a form: ${text}`);
    const fields = new URLSearchParams();
    for (const [tag] of form[2].matchAll(/<(?:input|button)[^>]*>/g)) {
      const name = /name="([^"]*)"/.exec(tag)?.[1];
      if (name && !fields.has(name)) fields.set(name, { account: person.upn, password: person.password }[name] ?? unescape(/value="([^"]*)"/.exec(tag)?.[1] ?? ""));
    }
    at = new URL(unescape(form[1]), at);
    ask = { method: "POST", body: fields };
  }
  throw new Error("the sign-in pages did not come to an end");
}

function unescape(html) {
  return html.replace(/&#(\d+);/g, (_, n) => String.fromCodePoint(n)).replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function graph(accessToken) {
  return Client.init({ authProvider: (done) => done(null, accessToken), baseUrl: `${cloud.graph_url}/`, customHosts: new Set([new URL(cloud.graph_url).hostname]) });
}

async function admin(method, path, body) {
  const answer = await fetch(cloud.admin_url + path, { method, body: body && JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.text();
}

// throttled lets the next call of a path be refused once with 429, and gives what the simulator answered to the calls that act makes.
async function throttled(path, act) {
  const statuses = async () => JSON.parse(await admin("GET", "/requests")).filter((r) => r.path === `/v1.0${path}`).map((r) => r.status);
  const before = (await statuses()).length;
  await admin("POST", "/faults", { kind: "429", retry_after: "1", times: 1, match: { path } });
  try {
    await act();
    return (await statuses()).slice(before);
  } finally {
    await admin("DELETE", "/faults");
  }
}

// all follows every page and gives the entries, the number of pages, and the delta link where there is one.
async function all(client, path, headers = {}) {
  const first = await client.api(path).headers(headers).get();
  const entries = [];
  const pages = new PageIterator(client, first, (e) => entries.push(e) > 0, { headers });
  await pages.iterate();
  return { entries, several: first["@odata.nextLink"] !== undefined, delta: pages.getDeltaLink() };
}

const good = graph(await token("Seneschal"));

const checks = {
  "signs an application in by a secret, and keeps the token": async () => {
    const app = registration("Seneschal");
    const msal = new ConfidentialClientApplication(auth(app, { clientSecret: app.client_secret }));
    const first = await msal.acquireTokenByClientCredential({ scopes: appScopes });
    const second = await msal.acquireTokenByClientCredential({ scopes: appScopes });
    assert.equal(first.fromCache, false);
    assert.equal(second.fromCache, true);
    assert.equal(second.accessToken, first.accessToken);
  },
  "signs an application in by a certificate": async () => {
    const app = registration("Seneschal");
    const pem = readFileSync(app.certificate_file, "utf8");
    const clientCertificate = {
      thumbprintSha256: new X509Certificate(pem).fingerprint256.replaceAll(":", ""), privateKey: /-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----/s.exec(pem)[0],
    };
    const result = await new ConfidentialClientApplication(auth(app, { clientCertificate })).acquireTokenByClientCredential({ scopes: appScopes });
    assert.equal((await graph(result.accessToken).api("/organization").get()).value[0].id, tenant.tenant_id);
  },
  "is told why a wrong secret is refused": async () => {
    const msal = new ConfidentialClientApplication(auth(registration("Seneschal"), { clientSecret: "not-the-secret" }));
    await assert.rejects(msal.acquireTokenByClientCredential({ scopes: appScopes }), { errorCode: "invalid_client", errorMessage: /AADSTS7000215/ });
  },
  "signs a person in by code and PKCE, and renews the token": async () => {
    const person = tenant.users.find((u) => u.upn === "dmitri@contoso.example");
    const scopes = ["User.Read", "Mail.ReadWrite"];
    const redirectUri = "http://localhost/auth/microsoft/callback";
    const app = registration("Seneschal sign-in");
    const msal = new ConfidentialClientApplication(auth(app, { clientSecret: app.client_secret }));
    const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
    const link = await msal.getAuthCodeUrl({ scopes, redirectUri, state: "state-of-this-sign-in", codeChallenge: challenge, codeChallengeMethod: "S256" });
    const told = await browse(link, redirectUri, person);
    assert.equal(told.get("state"), "state-of-this-sign-in");
    const first = await msal.acquireTokenByCode({ code: told.get("code"), scopes, redirectUri, codeVerifier: verifier });
    const renewed = await msal.acquireTokenSilent({ account: first.account, scopes, forceRefresh: true });
    assert.equal(renewed.fromCache, false);
    for (const { accessToken } of [first, renewed]) {
      assert.equal((await graph(accessToken).api("/me").get()).userPrincipalName, person.upn);
    }
  },
  "lists people over several pages": async () => {
    const { entries, several } = await all(good, "/users?$top=3");
    assert.ok(several);
    assert.deepEqual(entries.map((u) => u.userPrincipalName).sort(), tenant.users.map((u) => u.upn).sort());
  },
  "lists messages over several pages": async () => {
    const { entries, several } = await all(good, `${mailbox}/messages?$top=2&$select=id,subject`);
    assert.ok(several && entries.length > 4);
    assert.ok(entries.every((m) => m.id && m.body === undefined));
  },
  "walks a delta to its link, and the link tells what came since": async () => {
    const round = await all(good, `${mailbox}/mailFolders/inbox/messages/delta?$select=subject`, { Prefer: "odata.maxpagesize=2" });
    assert.ok(round.several && round.delta);
    const mime = ["From: nora@northwind.example", "To: chloe@contoso.example", "Subject: after the link", "Message-ID: <1@northwind.example>", "", "Hello"].join("\r\n");
    await admin("POST", "/mail", { mailbox: "chloe@contoso.example", folder: "inbox", mime_base64: Buffer.from(mime).toString("base64") });
    const next = await all(good, round.delta);
    assert.deepEqual(next.entries.map((m) => m.subject), ["after the link"]);
  },
  "batches": async () => {
    // The client strips the host, and nothing else, from a part's address: a part is relative to the version. Nothing is sent to that host.
    const content = new BatchRequestContent([
      { id: "1", request: new Request("https://graph.microsoft.com/organization", { method: "GET" }) },
      { id: "2", request: new Request(`https://graph.microsoft.com${mailbox}`, { method: "GET" }) },
      { id: "3", request: new Request("https://graph.microsoft.com/users/nobody@contoso.example", { method: "GET" }) },
    ]);
    const answer = new BatchResponseContent(await good.api("/$batch").post(await content.getContent()));
    assert.equal(answer.getResponseById("1").status, 200);
    assert.equal((await answer.getResponseById("2").json()).userPrincipalName, "chloe@contoso.example");
    assert.equal(answer.getResponseById("3").status, 404);
  },
  "sends a draft, and Sent Items shows it": async () => {
    const draft = await good.api(`${mailbox}/messages`).header("Prefer", 'IdType="ImmutableId"').post({
      subject: "from JavaScript", body: { contentType: "text", content: "hello" }, toRecipients: [{ emailAddress: { address: "ben@contoso.example" } }],
    });
    await good.api(`${mailbox}/messages/${draft.id}/send`).post({});
    await admin("POST", "/clock", { advance: "1m" });
    const { entries } = await all(good, `${mailbox}/mailFolders/sentitems/messages?$select=subject`);
    assert.equal(entries.filter((m) => m.subject === "from JavaScript").length, 1);
  },
  "creates an event and reads it back": async () => {
    const event = await good.api(`${mailbox}/events`).post({
      subject: "visit", start: { dateTime: "2027-03-01T09:00:00", timeZone: "UTC" }, end: { dateTime: "2027-03-01T10:00:00", timeZone: "UTC" },
    });
    const read = await good.api(`${mailbox}/events/${event.id}`).get();
    assert.deepEqual([read.subject, read.start.dateTime, read.start.timeZone], ["visit", "2027-03-01T09:00:00.0000000", "UTC"]);
  },
  "is told 401 for a bad token": async () => {
    await assert.rejects(graph("not-a-token").api("/organization").get(), { statusCode: 401, code: "InvalidAuthenticationToken" });
  },
  "is told 403 without the permission": async () => {
    await assert.rejects(graph(await token("Nothing granted")).api(`${mailbox}/messages`).get(), { statusCode: 403, code: "ErrorAccessDenied" });
  },
  "is throttled, waits as told, and goes on": async () => {
    const started = Date.now();
    const answers = await throttled("/organization", async () => assert.equal((await good.api("/organization").get()).value.length, 1));
    assert.deepEqual(answers, [429, 200]);
    assert.ok(Date.now() - started >= 1000);
  },
  "is told 429 when it does not wait": async () => {
    const once = new RetryHandlerOptions(1, 0);
    const answers = await throttled("/organization", () => assert.rejects(good.api("/organization").middlewareOptions([once]).get(), { statusCode: 429, code: "TooManyRequests" }));
    assert.deepEqual(answers, [429]);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${error.stack}`);
  }
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
