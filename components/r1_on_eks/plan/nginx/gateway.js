// What the gateway decides for each request; nginx.conf says where each of these is asked.

import crypto from 'crypto';

const NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/;
const LONGEST_HEADER = 256;

// SHA-256 of the key in `Authorization: Bearer KEY`, in hexadecimal; '' without a key.
function key_sha256(r) {
    const sent = r.headersIn['Authorization'];
    if (!sent || sent.length > LONGEST_HEADER || sent.slice(0, 7).toLowerCase() !== 'bearer ') {
        return '';
    }
    return crypto.createHash('sha256').update(sent.slice(7).trim()).digest('hex');
}

// An IPv4 address, or the /64 of an IPv6 one: whoever has one address there has all of them.
function client_network(r) {
    const address = r.remoteAddress;
    if (!address.includes(':')) {
        return address;
    }
    const halves = address.split('::');
    const groups = halves[0] ? halves[0].split(':') : [];
    if (halves.length === 2) {
        const behind = halves[1] ? halves[1].split(':').length : 0;
        while (groups.length + behind < 8) {
            groups.push('0');
        }
    }
    return groups.slice(0, 4).join(':');
}

// How the servers' part ended, of a request that a server did not answer: 'untouched' where nobody
// has begun on it (none was reached, or the last one said first of all that it is full), 'timeout'
// or 'ended' where one may be at work on it.
function outcome(r) {
    const seconds = (r.variables.upstream_connect_time || '').split(/, | : /);
    const status = (r.variables.upstream_status || '').split(/, | : /).pop();
    if (status === '503' || status === '429') {
        return 'untouched';
    }
    if (status && seconds.every((one) => one === '-')) {
        return 'untouched';
    }
    return status === '504' ? 'timeout' : 'ended';
}

// Sends a request on to the path of the model that its body names.
function by_model(r) {
    let model;
    try {
        model = JSON.parse(r.requestText).model;
    } catch (error) {
        refuse(r, 400, 'invalid_json', 'the body is no JSON object');
        return;
    }
    if (typeof model !== 'string') {
        refuse(r, 400, 'model_missing', 'the body names no model');
        return;
    }
    // A name that there is no path of ends at "no such model".
    const known = NAME.test(model) ? model : '-';
    r.internalRedirect(`/api/v1/${known}/${r.variables.path}`);
}

// Lists those of `$listed` that have a server which is well; `$shares` holds the variants behind
// each split: {"assistant": ["14b", "7b"]}.
async function models(r) {
    const names = r.variables.listed.split(' ');
    const shares = JSON.parse(r.variables.shares);
    const of = (name) => shares[name] || [name];
    const well = {};
    const asked = [].concat.apply([], names.map(of));
    await Promise.all(asked.map(async (variant) => {
        const reply = await r.subrequest(`/up/${variant}`, { method: 'GET' });
        well[variant] = reply.status === 200;
    }));
    const up = names.filter((name) => of(name).some((variant) => well[variant]));
    const data = up.map((id) => ({ id: id, object: 'model', created: 0, owned_by: 'r1-on-eks' }));
    r.headersOut['Content-Type'] = 'application/json';
    r.return(200, JSON.stringify({ object: 'list', data: data }));
}

// Counts an answer; asked for once, where its line is written to the log. A count that finds no room
// is told there, for whoever reads the series would not miss it.
function counted(r) {
    try {
        ngx.shared.answers.incr(r.variables.answer, 1, 0);
    } catch (error) {
        r.error(`an answer is not counted: ${error.message}`);
    }
    return '';
}

// What was counted, as Prometheus reads it; from none on, or the first of a kind would be no increase.
function metrics(r) {
    const name = r.variables.series;
    const statuses = r.variables.statuses.split(' ');
    const lines = [`# HELP ${name} Answers to clients, by variant and status.`, `# TYPE ${name} counter`];
    r.variables.variants.split(' ').forEach((variant) => statuses.forEach((status) => {
        const count = ngx.shared.answers.get(`${variant} ${status}`) || 0;
        lines.push(`${name}{variant="${variant}",status="${status}"} ${count}`);
    }));
    r.headersOut['Content-Type'] = 'text/plain; version=0.0.4';
    r.return(200, lines.concat('').join('\n'));
}

function refuse(r, status, code, message) {
    const error = { message: message, type: 'invalid_request_error', param: null, code: code };
    r.headersOut['Content-Type'] = 'application/json';
    r.return(status, JSON.stringify({ error: error }));
}

export default { key_sha256, client_network, outcome, by_model, models, counted, metrics };
