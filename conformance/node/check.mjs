// Microsoft's JavaScript Graph client and MSAL for Node against the simulator. Usage: node check.mjs READY-FILE, with NODE_EXTRA_CA_CERTS set.
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { ConfidentialClientApplication } from "@azure/msal-node";
import { BatchRequestContent, BatchResponseContent, Client, PageIterator, RetryHandlerOptions } from "@microsoft/microsoft-graph-client";

const cloud = JSON.parse(readFileSync(process.argv[2], "utf8"));
const tenant = cloud.tenants[0];
const host = new URL(cloud.login_url).host;
const mailbox = "/users/chloe@contoso.example";

// token signs an app in by its secret with MSAL.
async function token(name) {
  const app = tenant.apps.find((a) => a.name === name);
  const msal = new ConfidentialClientApplication({
    auth: { clientId: app.client_id, clientSecret: app.client_secret, authority: `${cloud.login_url}/${tenant.tenant_id}`, knownAuthorities: [host] },
  });
  const result = await msal.acquireTokenByClientCredential({ scopes: ["https://graph.microsoft.com/.default"] });
  return result.accessToken;
}

function graph(accessToken) {
  return Client.init({ authProvider: (done) => done(null, accessToken), baseUrl: `${cloud.graph_url}/`, customHosts: new Set([new URL(cloud.graph_url).hostname]) });
}

async function admin(method, path, body) {
  const answer = await fetch(cloud.admin_url + path, { method, body: body && JSON.stringify(body), headers: { "Content-Type": "application/json" } });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.text();
}

// all follows every page and gives the entries, and the delta link where there is one.
async function all(client, path) {
  const first = await client.api(path).get();
  const entries = [];
  const pages = new PageIterator(client, first, (e) => { entries.push(e); return true; });
  await pages.iterate();
  return { entries, delta: pages.getDeltaLink() };
}

const good = graph(await token("Seneschal"));

const checks = {
  "lists people over several pages": async () => {
    const { entries } = await all(good, "/users?$top=3");
    assert.equal(entries.length, tenant.users.length);
  },
  "lists messages over several pages": async () => {
    const { entries } = await all(good, `${mailbox}/messages?$top=2&$select=id,subject`);
    assert.ok(entries.length > 4);
    assert.ok(entries.every((m) => m.id && m.body === undefined));
  },
  "walks a delta to its link, and the link tells what came since": async () => {
    const { delta } = await all(good, `${mailbox}/mailFolders/drafts/messages/delta`);
    assert.ok(delta);
    const draft = await good.api(`${mailbox}/messages`).post({ subject: "after the link" });
    const { entries } = await all(good, delta);
    assert.ok(entries.some((m) => m.id === draft.id));
  },
  "batches": async () => {
    // The client strips the host, and nothing else, from a part's address: a part is relative to the version. Nothing is sent to that host.
    const content = new BatchRequestContent([
      { id: "1", request: new Request("https://graph.microsoft.com/organization", { method: "GET" }) },
      { id: "2", request: new Request(`https://graph.microsoft.com${mailbox}`, { method: "GET" }) },
    ]);
    const answer = new BatchResponseContent(await good.api("/$batch").post(await content.getContent()));
    assert.equal(answer.getResponseById("1").status, 200);
    assert.equal((await answer.getResponseById("2").json()).userPrincipalName, "chloe@contoso.example");
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
    assert.equal((await good.api(`${mailbox}/events/${event.id}`).get()).subject, "visit");
  },
  "is told 401 for a bad token": async () => {
    await assert.rejects(graph("not-a-token").api("/organization").get(), { statusCode: 401, code: "InvalidAuthenticationToken" });
  },
  "is told 403 without the permission": async () => {
    await assert.rejects(graph(await token("Nothing granted")).api(`${mailbox}/messages`).get(), { statusCode: 403 });
  },
  "is throttled, waits as told, and goes on": async () => {
    await admin("POST", "/faults", { kind: "429", retry_after: "1", times: 1, match: { path: "/organization" } });
    const answer = await good.api("/organization").get();
    assert.equal(answer.value.length, 1);
  },
  "is told 429 when it does not wait": async () => {
    await admin("POST", "/faults", { kind: "429", retry_after: "1", times: 1, match: { path: "/organization" } });
    await assert.rejects(good.api("/organization").middlewareOptions([new RetryHandlerOptions(1, 0)]).get(), { statusCode: 429 });
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
