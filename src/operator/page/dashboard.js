// SPDX-License-Identifier: MIT
// The script of /dashboard: asks /v1/status, /v1/usage and /v1/events for what they say, and shows it. What comes from
// outside becomes text, never markup.
'use strict';

// Each in English and in Chinese.
const TEXT = {
	unlock: ['This router shows what it knows to who has its admin token (admin_token in tokens.txt).', '此路由器只向持有管理令牌（tokens.txt 中的 admin_token）的人显示数据。'],
	unlockButton: ['Show', '显示'], unlockWrong: ['That is not the admin token.', '管理令牌不正确。'],
	live: ['up to date', '已是最新'], seen: ['no answer; last seen {0} ago', '没有响应；最后一次更新在 {0}前'], running: ['{0} running now', '{0} 个请求进行中'],
	now: ['Serving now', '当前服务方'], nobody: ['Nobody can serve', '暂无可用的服务方'], inPlan: ['included in your plan', '包含在您的套餐内'],
	billed: ['billed to your {0} account', '计入您的 {0} 账户'],
	first: ['It is the first choice; nothing is in the way.', '这是首选服务方，一切正常。'],
	manual: ['Chosen by hand, until you choose “Automatic”.', '由您手动选择，直到选择“自动”。'],
	resting: ['{0} is paused: {1}.', '{0} 已暂停：{1}。'], probing: ['{0} may be back: the next request finds out.', '{0} 可能已恢复：下一个请求会确认。'],
	benched: ['{0} rejects its credential: {1}.', '{0} 拒绝了凭证：{1}。'], spared: ['{0} is spared: {1}.', '{0} 被保留：{1}。'],
	capped: ['{0} has used its cap.', '{0} 已达到费用上限。'],
	ready: ['{0} is ready.', '{0} 已就绪。'],
	limitUsed: ['its {0} is used up', '{0}已用完'], spareWhy: ['its limit is nearly used up', '限额即将用完'],
	back: ['{0} is back at', '{0} 恢复时间'], used: ['{0}, used', '{0}，已用'], anew: ['begins anew {0}', '{0} 重置'],
	'in': ['in {0}', '{0}后'], dh: ['{0} d {1} h', '{0} 天 {1} 小时'], hm: ['{0} h {1} min', '{0} 小时 {1} 分钟'], min: ['{0} min', '{0} 分钟'],
	soon: ['less than a minute', '不到一分钟'], sec: ['{0} s', '{0} 秒'],
	hours: ['{0}-hour limit', '{0} 小时限额'], days: ['{0}-day limit', '{0} 天限额'],
	limits: ['Limits', '限额'], noLimits: ['Not known yet: the first reply of a plan brings them.', '尚不清楚：套餐的第一个回复会带来这些数据。'],
	leaveAt: ['Others come first from {0} on.', '达到 {0} 后优先使用其他服务方。'],
	accounts: ['{0} accounts were seen; these are the figures of one.', '共有 {0} 个账户；此处为其中一个的数据。'],
	cost: ['Cost', '费用'], sumToday: ['Today', '今天'], sumYesterday: ['Yesterday', '昨天'], sumWeek: ['7 days', '7 天'], atLeast: ['≥ {0}', '≥ {0}'],
	worth: ['In 7 days, plans and clients’ own keys served what would have cost {0} at list prices. You do not pay that.', '7 天内，套餐和客户端自有密钥处理了按标价为 {0} 的请求，您无需付费。'],
	ledgerOff: ['Nothing is recorded: ledger = "off".', '没有记录：ledger = "off"。'],
	unread: ['What was used cannot be read: {0}', '无法读取用量：{0}'], asTable: ['As a table', '表格'], cap: ['{0} cap: {1} of {2}', '{0}上限：{1} / {2}'],
	held: ['{0} reserved', '预留 {0}'], byOthers: ['{0} by other machines', '其他机器 {0}'], capDay: ['Daily', '每日'], capMonth: ['Monthly', '每月'], free: ['Nothing was billed to you.', '没有向您计费。'],
	today: ['Today', '今天'], choose: ['Choose a mark to read what happened.', '选择一个标记查看详情。'], quiet: ['Nothing has changed today.', '今天没有变化。'],
	none: ['nobody', '无'], unknown: ['not recorded', '无记录'],
	providers: ['Providers, in order of preference', '服务方（按优先顺序）'], isServing: ['serving', '服务中'], isReady: ['ready', '就绪'], isResting: ['paused', '已暂停'],
	isProbing: ['may be back', '可能已恢复'], isBenched: ['credential rejected', '凭证被拒绝'], isSpared: ['spared', '保留'],
	isCapped: ['cap used', '达到上限'], isUnconfigured: ['not set up', '未配置'], isDisabled: ['disabled', '已停用'], until: ['until {0}', '至 {0}'],
	asAsked: ['model as asked', '按请求的模型'], lastError: ['Last error {0}: {1}', '上次错误 {0}：{1}'],
	spentToday: ['{0} today', '今天 {0}'], requestsToday: ['{0} requests today', '今天 {0} 个请求'],
	use: ['Use this', '使用'], auto: ['Automatic', '自动'], retry: ['Retry now', '立即重试'], check: ['Check', '检查'],
	askUse: ['Use {0}?', '使用 {0}？'], askUsePaid: ['Requests will go to {0} first, which costs money.', '请求将优先发送给 {0}，这会产生费用。'],
	askUsePlan: ['Requests will go to {0} first.', '请求将优先发送给 {0}。'],
	askAuto: ['Back to automatic?', '恢复自动选择？'], askAutoText: ['The router chooses by itself again, in order of preference.', '路由器将按优先顺序自行选择。'],
	askRetry: ['Retry {0} now?', '立即重试 {0}？'], askRetryText: ['Its pause ends, and the next request finds out whether it works.', '暂停将结束，下一个请求会确认它是否可用。'],
	askCheck: ['Check {0}?', '检查 {0}？'], askCheckText: ['One short request is sent to it, which costs a little where it is paid.', '将向它发送一个简短的请求；付费服务方会产生少量费用。'],
	
	cancel: ['Cancel', '取消'], close: ['Close', '关闭'], working: ['One moment …', '请稍候……'], failed: ['The router did not answer.', '路由器没有响应。'],
	drill: ['Drill', '演练'],
	askDrillText: ['The next conversation finds the limit of {0} reached, once, and goes to another provider, which may cost money; after a minute it returns. Nobody else is touched.', '下一个会话将有一次视 {0} 的限额为已用完，由其他服务方接手（可能产生费用），一分钟后恢复。其他会话不受影响。'],
	refused: ['Refused: {0}', '被拒绝：{0}'], nowServing: ['Requests now go to {0}.', '请求现在发送给 {0}。'], found: ['Found: {0}', '结果：{0}'],
	usage: ['The last 7 days, by model', '最近 7 天（按模型）'], day: ['Day', '日期'], provider: ['Provider', '服务方'], model: ['Model', '模型'],
	client: ['Client', '客户端'], requests: ['Requests', '请求'], input: ['Input', '输入'], cached: ['Cached', '缓存'], output: ['Output', '输出'],
	spent: ['Cost', '费用'],
	worthHead: ['Worth', '标价'], noClient: ['without a key', '无密钥'], budgets: ['Budgets of client keys', '客户端密钥的预算'],
	events: ['What happened last', '最近发生的事'], noEvents: ['Nothing yet.', '还没有。'], leftEvent: ['{0} paused', '{0} 已暂停'], returnedEvent: ['{0} is back', '{0} 已恢复'],
	paidEvent: ['{0} now costs money', '{0} 开始计费'], servingEvent: ['{0} serves', '{0} 提供服务'], nearEvent: ['{0}: a limit is near', '{0} 接近限额'],
	sparedEvent: ['{0} is spared', '{0} 被保留'], capEvent: ['{0}: a cap', '{0} 的费用上限'], switchEvent: ['Switched to {0}', '切换到 {0}'],
	automatic: ['automatic', '自动'],
	 alertKeys: ['Client keys', '客户端密钥'], alertConfig: ['Configuration', '配置'],
	alertRestart: ['Waits for a restart', '等待重启'], alertPrices: ['Prices', '价格'], alertLedger: ['What is used is not being recorded', '用量未被记录'], alertShare: ['Not shared with other machines', '未与其他机器共享'],
	shared: ['{0} machines share this, this one since {1}. News takes {2} ms.', '{0} 台机器共享此状态，本机自 {1} 起；消息传递需 {2} 毫秒。'],
	dropped: ['{0} rows were lost', '丢失了 {0} 行'],
};
const LANG = /^zh/i.test(navigator.language) ? 1 : 0;
const LOCALE = LANG ? 'zh-CN' : /^en/i.test(navigator.language) ? navigator.language : 'en';

// --- Words and numbers

const t = (key, ...values) => TEXT[key][LANG].replace(/\{(\d)\}/g, (_, n) => values[n]);
const isState = state => TEXT[`is${state[0].toUpperCase()}${state.slice(1)}`]?.[LANG] ?? state;

const NAMES = { claude_pro: 'Claude Pro', deepseek: 'DeepSeek', kimi: 'Kimi', claude_api: 'Claude API', openai: 'OpenAI' };
const nameOf = provider => (Object.hasOwn(NAMES, provider) ? NAMES[provider] : provider);

const dates = options => { const format = new Intl.DateTimeFormat(LOCALE, options); return at => format.format(at); };
const clock = dates({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const weekday = dates({ weekday: 'short' });
const dayAndMonth = dates({ day: 'numeric', month: 'short' });
const number = n => new Intl.NumberFormat(LOCALE).format(n);
const compact = n => new Intl.NumberFormat(LANG ? LOCALE : 'en', { notation: 'compact', maximumFractionDigits: 1 }).format(n);
const percent = (part, digits = 0) => new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: digits }).format(part);
const dollars = usd => new Intl.NumberFormat(LOCALE, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol' }).format(usd);

// Nano-dollars, in which so many amounts are missing.
function money(nano, missing = 0) {
	const text = nano > 0 && nano < 1e7 ? `< ${dollars(0.01)}` : dollars(nano / 1e9);
	return missing === 0 ? text : nano < 1e7 ? '?' : t('atLeast', text);
}

function midnight(at, days = 0) {
	const date = new Date(at);
	return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

// 18:00, Thu 18:00, 3 Dec 18:00.
function moment(at) {
	const now = Date.now();
	if (midnight(at) === midnight(now)) return clock(at);
	return `${Math.abs(at - now) < 6 * 864e5 ? weekday(at) : dayAndMonth(at)} ${clock(at)}`;
}

function span(ms) {
	const minutes = Math.round(ms / 6e4);
	if (minutes < 1) return t('soon');
	if (minutes < 60) return t('min', minutes);
	if (minutes < 1440) return t('hm', Math.floor(minutes / 60), minutes % 60);
	return t('dh', Math.floor(minutes / 1440), Math.floor(minutes % 1440 / 60));
}

function windowName(name) {
	const parts = /^(\d+)([hd])(?:_(.+))?$/.exec(name);
	if (!parts) return name;
	return t(parts[2] === 'h' ? 'hours' : 'days', parts[1]) + (parts[3] ? ` (${parts[3]})` : '');
}

// "429 unified five_hour" for people; other words of the router stay as they are.
function whyText(why) {
	const found = /unified (five_hour|seven_day(?:_\w+)?)$/.exec(why ?? '');
	return found ? t('limitUsed', windowName(found[1].replace('five_hour', '5h').replace('seven_day', '7d'))) : why ?? '?';
}

// --- Elements

const $ = id => document.getElementById(id);

// properties: attributes; css: { property: value }; onclick. Children that are no elements are text.
function el(tag, properties, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(properties ?? {})) {
		if (name === 'css') for (const [key, to] of Object.entries(value)) node.style.setProperty(key, to);
		else if (name === 'onclick') node.onclick = value;
		else if (value !== undefined && value !== false) node.setAttribute(name, value);
	}
	node.append(...children.flat().filter(child => child || child === 0));
	return node;
}

const para = (kind, ...children) => el('p', { class: kind }, ...children);

const shown = {};

// Fills a box, when what it depends on has changed: what somebody reads, has opened or focused stays.
function show(id, depends, make) {
	const key = JSON.stringify(depends), box = $(id);
	if (shown[id] === key) return;
	shown[id] = key;
	const focused = box.contains(document.activeElement) && document.activeElement.id;
	const open = [...box.querySelectorAll('details[open]')].map(node => node.id);
	box.replaceChildren(...make().filter(Boolean));
	for (const node of open) $(node)?.setAttribute('open', '');
	if (focused) $(focused)?.focus();
}

const ORDER = Object.keys(NAMES);
function colour(provider) {
	const at = ORDER.indexOf(provider);
	if (at >= 0) return `p${at}`;
	const others = Object.keys(status?.providers ?? {}).filter(name => !ORDER.includes(name));
	return `p${5 - Math.max(0, others.indexOf(provider)) % 2}`;
}
const dot = provider => el('span', { class: `dot ${provider ? `fill ${colour(provider)}` : ''}`, 'aria-hidden': 'true' });

// A time to come, which counts down by itself.
const counted = at => el('span', { 'data-at': at }, t('in', span(at - Date.now())));

function table(heads, rows, wide = []) {
	const kind = i => [i > 0 && 'num', wide.includes(i) && 'wide'].filter(Boolean).join(' ') || undefined;
	return el('table', {}, el('thead', {}, el('tr', {}, heads.map((head, i) => el('th', { scope: 'col', class: kind(i) }, head)))),
		el('tbody', {}, rows.map(cells => el('tr', {}, cells.map((cell, i) => el(i ? 'td' : 'th', { scope: i ? undefined : 'row', class: kind(i) }, cell))))));
}

const behind = (id, ...parts) => el('details', { id }, el('summary', {}, t('asTable')), table(...parts));

function bar(part, provider, { held = 0, mark, label, text }) {
	const width = value => `${Math.min(1, Math.max(0, value)) * 100}%`;
	return el('div', { class: 'bar', role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(Math.min(1, part) * 100), 'aria-valuetext': text },
		held > 0 && el('i', { class: `held ${colour(provider)}`, css: { width: width(part + held) } }), el('i', { class: `fill ${colour(provider)}`, css: { width: width(part) } }),
		mark && el('u', { css: { left: width(mark) } }));
}

// How a share is shown that comes near 1.
const nearness = part => (part >= 0.95 ? 'bad' : part >= 0.8 ? 'warn' : '');

// --- What is shown

let status, usage, events = [];

const until = p => (p.until ? Date.parse(p.until) : 0);
const inOrder = () => Object.entries(status.providers);
const firstChoice = () => inOrder().find(([, p]) => p.configured)?.[0];
const reason = (name, p) => t(p.state in TEXT ? p.state : 'ready', nameOf(name), p.state === 'spared' ? t('spareWhy') : whyText(p.why));

function showAlerts() {
	const { tokens_file, keys_file, config, prices, ledger, share } = status;
	const list = [['', tokens_file?.error], ['alertKeys', keys_file?.error], ['alertConfig', config?.error], ['alertRestart', config?.restart], ['alertPrices', prices?.error],
		['alertLedger', ledger?.why], ['alertLedger', ledger?.dropped > 0 && t('dropped', number(ledger.dropped))], ['alertShare', share?.error]].filter(([, text]) => text);
	show('alerts', list, () => list.map(([what, text]) => para('alert', el('b', {}, what ? t(what) : 'tokens.txt'), `: ${text}`)));
}

function whoPays(name) {
	const p = status.providers[name];
	return p.paid ? el('span', { class: 'chip warn' }, t('billed', nameOf(name))) : el('span', { class: 'chip good' }, t('inPlan'));
}

// What comes next: when the first choice is back, or how much of it is used.
function outlook(name) {
	const waited = name ?? inOrder().filter(([, p]) => until(p) > 0).sort((a, b) => until(a[1]) - until(b[1]))[0]?.[0];
	const p = waited && status.providers[waited];
	const box = (label, big, ...below) => para('when', el('span', { class: 'label' }, label), el('b', {}, big), el('span', { class: 'count' }, ...below));
	if (!p) return undefined;
	if (p.state !== 'ready' && until(p) > Date.now()) {
		return box(t('back', nameOf(waited)), moment(until(p)), counted(until(p)));
	}
	const [most] = Object.entries(p.windows ?? {}).filter(([, w]) => Date.parse(w.reset) > Date.now()).sort((a, b) => b[1].utilization - a[1].utilization);
	return most && box(t('used', windowName(most[0])), percent(most[1].utilization), t('anew', moment(Date.parse(most[1].reset))));
}

function showNow() {
	const name = status.current_provider, first = firstChoice(), manual = status.mode === 'manual', { share } = status;
	const depends = [name, first, status.mode, status.providers, share, midnight(Date.now())];
	show('now-body', depends, () => {
		const why = manual ? t('manual') : name === first ? t('first') : first ? reason(first, status.providers[first]) : status.reason;
		return [el('div', {}, para('who', dot(name), el('b', {}, name ? nameOf(name) : t('nobody')), name && whoPays(name)),
			para('why', why, ' ', manual && el('button', { id: 'auto', onclick: () => ask('auto') }, t('auto'))),
			share?.connected && share.machines > 0 && para('note', t('shared', number(share.machines), moment(Date.parse(share.connected)), number(share.delay_ms)))), outlook(name === first ? name : first)];
	});
	document.title = `${name ? nameOf(name) : t('nobody')} · Claude Router`;
	if ($('say').textContent !== status.line) $('say').textContent = status.line;
}

function showLimits() {
	const all = inOrder().flatMap(([name, p]) => Object.entries(p.windows ?? {}).map(([key, w]) => [name, key, w]));
	const accounts = Math.max(0, ...inOrder().map(([, p]) => p.accounts ?? 0));
	const { worth, worth_unknown } = sum(usage.days?.rows ?? []);
	show('limits', [all, accounts, worth, midnight(Date.now())], () => [...all.map(([name, key, w]) => {
		const over = Date.parse(w.reset) <= Date.now(), used = percent(over ? 0 : w.utilization), label = `${nameOf(name)}: ${windowName(key)}`;
		return el('div', { class: 'gauge' }, el('p', {}, el('b', {}, windowName(key)), el('span', { class: `big ${nearness(w.utilization)}` }, used)),
			bar(over ? 0 : w.utilization, name, { mark: w.leave_at, label, text: used }),
			para('dim', el('span', {}, nameOf(name)), w.reset && !over && el('span', {}, t('anew', moment(Date.parse(w.reset))), ' · ', counted(Date.parse(w.reset)))),
			w.leave_at && para('note', t('leaveAt', percent(w.leave_at))));
	}), all.length === 0 && para('dim', t('noLimits')), accounts > 1 && para('note', t('accounts', number(accounts))),
	worth > 0 && para('note', t('worth', money(worth, worth_unknown)))]);
}

const dayNumber = at => { const d = new Date(at); return d.getFullYear() * 10000 + (d.getMonth() + 1) * 100 + d.getDate(); };

// The seven days of the report as local dates, the last of them today.
function weekOf({ since }) {
	const first = new Date(Math.floor(since / 10000), Math.floor(since / 100) % 100 - 1, since % 100).getTime();
	return Array.from({ length: 7 }, (_, i) => midnight(first, i));
}

function sum(rows) {
	const total = { spent: 0, spent_unknown: 0, worth: 0, worth_unknown: 0, requests: 0 };
	for (const row of rows) for (const key in total) total[key] += row[key];
	return total;
}

function capLine(cap, provider, whose = '') {
	const used = cap.used + (cap.others ?? 0), label = whose + t('cap', t(cap.period === 'day' ? 'capDay' : 'capMonth'), dollars(used), dollars(cap.cap));
	return [para(nearness(used / cap.cap), label, cap.others > 0 && ` (${t('byOthers', dollars(cap.others))})`, cap.reserved > 0 && ` (${t('held', dollars(cap.reserved))})`), bar(used / cap.cap, provider, { held: cap.reserved / cap.cap, label, text: label })];
}

function showCost() {
	const caps = (status.caps ?? []).filter(cap => cap.scope === 'all');
	show('cost', [usage, caps], () => {
		if (usage.problem) return [para('dim', usage.problem)];
		const days = weekOf(usage.days), rows = usage.days.rows, of = at => rows.filter(row => row.day === dayNumber(at));
		const sums = days.map(at => sum(of(at))), week = sum(rows), most = Math.max(1, ...sums.map(day => day.spent));
		const paying = [...new Set(rows.filter(row => row.spent > 0).map(row => row.provider))];
		const figure = (label, { spent, spent_unknown }) => el('p', {}, el('span', {}, t(label)), el('b', {}, money(spent, spent_unknown)));
		const column = (at, i) => el('div', {}, el('span', {}, sums[i].spent || sums[i].spent_unknown ? money(sums[i].spent, sums[i].spent_unknown) : '–'),
			el('span', { class: 'stack' }, of(at).filter(row => row.spent > 0).map(row => el('i', { class: `fill ${colour(row.provider)}`, css: { height: `${row.spent / most * 116}px` } }))),
			el('span', { class: 'name' }, i === 6 ? t('sumToday') : weekday(at)));
		return [el('div', { class: 'sums' }, figure('sumToday', sums[6]), figure('sumYesterday', sums[5]), figure('sumWeek', week)),
			week.spent > 0 ? el('div', { class: 'days', 'aria-hidden': 'true' }, days.map(column)) : para('dim', t('free')),
			paying.length > 0 && para('key', paying.map(name => el('span', {}, dot(name), nameOf(name)))),
			...caps.map(cap => el('div', { class: 'note' }, capLine(cap, status.current_provider))),
			rows.length > 0 && behind('cost-table', [t('day'), t('provider'), t('requests'), t('spent'), t('worthHead')], rows.map(row => {
				const at = days.find(day => dayNumber(day) === row.day);
				return [at ? `${weekday(at)} ${dayAndMonth(at)}` : String(row.day), nameOf(row.provider) || t('none'), number(row.requests), money(row.spent, row.spent_unknown), money(row.worth, row.worth_unknown)];
			}))];
	});
}

// --- Today

// The mark of each kind of event. Who serves is seen without one.
const MARKS = { left: '▾', returned: '▴', spared: '▾', paid: '$', cap: '$', near: '!', 'switch': '⇄', serving: '' };
const markOf = event => (Object.hasOwn(MARKS, event.kind) ? MARKS[event.kind] : '•');
const headOf = event => (Object.hasOwn(MARKS, event.kind) ? t(`${event.kind}Event`, event.provider ? nameOf(event.provider) : t('automatic')) : event.kind);

// Who served from when to when: an event says who begins, or that who served is paused. Moments do not count.
function served(from, now) {
	const parts = [];
	let who;
	const put = (at, next) => {
		who = next;
		if (at <= from) parts.length = 0;
		const begin = Math.max(at, from);
		if (parts.length > 0 && parts.at(-1).from === begin) parts.pop();
		if (parts.at(-1)?.who !== next) parts.push({ from: begin, who: next });
	};
	put(from, undefined);
	for (const event of events) {
		const at = Date.parse(event.at);
		if (event.kind === 'paid' || event.kind === 'serving') put(at, event.provider);
		else if (event.kind === 'left' && who === undefined) parts[0] = { from, who: event.provider }, put(at, '');
		else if (event.kind === 'left' && who === event.provider) put(at, '');
	}
	if (who === undefined && events.length === 0) parts.length = 0;
	return parts.map((part, i) => ({ ...part, to: parts[i + 1]?.from ?? now })).filter(part => part.to - part.from > 5e3);
}

// Marks that would lie upon each other are one.
function clusters(list, from, length, width) {
	const groups = [];
	for (const event of list) {
		const at = (Date.parse(event.at) - from) / length;
		if (groups.length > 0 && (at - groups.at(-1).at) * width < 28) groups.at(-1).events.push(event);
		else groups.push({ at, events: [event] });
	}
	return groups;
}

let chosen;

function showToday() {
	const now = Date.now(), from = midnight(now), length = midnight(now, 1) - from, width = Math.round($('today').clientWidth / 20) * 20;
	const list = events.filter(event => Date.parse(event.at) >= from && markOf(event));
	show('today', [events.at(-1)?.id, events.length, Math.floor(now / 6e4), width, status.current_provider, chosen], () => {
		const at = when => `${(when - from) / length * 100}%`, parts = served(from, now);
		const label = who => (who === undefined ? t('unknown') : who === '' ? t('none') : nameOf(who));
		const groups = clusters(list, from, length, width), story = group => group.events.map(event => `${clock(Date.parse(event.at))} ${headOf(event)}`).join(', ');
		const open = groups.find(group => group.events.some(event => event.id === chosen));
		return [el('div', { class: 'strip', 'aria-hidden': 'true' }, parts.map(part => el('div', { class: part.who ? `fill ${colour(part.who)}` : 'fill', css: { left: at(part.from), width: `${(part.to - part.from) / length * 100}%` } },
			part.who && (part.to - part.from) / length * width > 24 + 8 * nameOf(part.who).length && el('span', {}, nameOf(part.who)))), el('u', { css: { left: at(now) } })),
		el('div', { class: 'hours', 'aria-hidden': 'true' }, [0, 6, 12, 18].map(hour => el('span', {}, clock(new Date(from).setHours(hour)))), el('span', {}, '24:00')),
		el('div', { class: 'marks' }, groups.map(group => el('button', {
			id: `mark${group.events[0].id}`, 'aria-pressed': String(group === open), 'aria-label': story(group), title: story(group),
			css: { left: `clamp(13px, ${group.at * 100}%, calc(100% - 13px))` }, onclick: () => { chosen = group === open ? undefined : group.events[0].id; showToday(); },
		}, markOf(group.events.find(event => event.kind === 'left') ?? group.events[0])))),
		el('p', { class: 'key', 'aria-hidden': 'true' }, [...new Set(parts.map(part => part.who).filter(Boolean))].map(name => el('span', {}, dot(name), nameOf(name)))),
		el('div', { class: 'said', role: 'status' }, open ? open.events.map(event => el('p', {}, `${clock(Date.parse(event.at))} `, el('b', {}, headOf(event)), ' ', el('span', { class: 'dim' }, event.text)))
			: para('dim', list.length > 0 ? t('choose') : t('quiet'))),
		parts.length > 0 && behind('today-table', [t('provider'), t('today')], parts.map(part => [label(part.who), `${clock(part.from)} – ${clock(part.to)}`]))];
	});
}

// --- Providers

const stateOf = p => isState(p.state) + (until(p) > Date.now() ? ` ${t('until', moment(until(p)))}` : '');

function chipOf(name, p) {
	const serves = name === status.current_provider;
	const kind = serves || p.state === 'ready' ? 'good' : p.state === 'benched' ? 'bad' : p.configured ? 'warn' : '';
	return el('span', { class: `chip ${kind}` }, serves ? t('isServing') : stateOf(p));
}

function providerRow([name, p], i) {
	const today = sum((usage.days?.rows ?? []).filter(row => row.provider === name && row.day === dayNumber(Date.now())));
	const caps = (status.caps ?? []).filter(cap => cap.scope === name);
	const chosenNow = name === status.current_provider && (status.mode === 'manual' || name === firstChoice());
	const button = (what, shownIf) => shownIf && el('button', { id: `${what}-${i}`, 'aria-label': `${t(what)}: ${nameOf(name)}`, onclick: () => ask(what, name) }, t(what));
	const why = p.state === 'spared' ? t('spareWhy') : ['resting', 'benched'].includes(p.state) && whyText(p.why);
	const error = !why && p.last_error_why && Date.now() - Date.parse(p.last_error) < 864e5 && t('lastError', moment(Date.parse(p.last_error)), p.last_error_why);
	return el('li', {},
		el('div', { class: 'name' }, el('p', {}, dot(name), el('b', {}, nameOf(name)), chipOf(name, p)),
			why && el('p', {}, why),
			para('dim', p.model ?? t('asAsked'), error && ` · ${error}`),
			(p.credentials ?? []).map(one => para('dim', `${one.label}: ${stateOf(one)}`))),
		el('div', { class: 'day' }, el('p', {}, usage.days && (p.paid ? t('spentToday', money(today.spent, today.spent_unknown)) : t('requestsToday', number(today.requests)))), caps.flatMap(cap => capLine(cap, name))),
		para('buttons', button('retry', ['resting', 'benched'].includes(p.state)), button('use', p.configured && !chosenNow), button('check', p.configured), button('drill', name === status.current_provider)));
}

function showProviders() {
	show('providers', [status.providers, status.caps, status.current_provider, status.mode, usage.days, midnight(Date.now())], () => inOrder().map(providerRow));
}

// --- Usage and events

function usageTable(rows, head, nameIn) {
	const all = row => row.input + row.cache_read + row.cache_5m + row.cache_1h;
	return table([head, t('requests'), t('input'), t('cached'), t('output'), t('spent'), t('worthHead')], rows.map(row => [nameIn(row), number(row.requests), compact(all(row)),
		all(row) > 0 ? percent(row.cache_read / all(row)) : '–', compact(row.output), money(row.spent, row.spent_unknown), money(row.worth, row.worth_unknown)]), [2, 3, 6]);
}

function usageTables({ problem, models, clients }) {
	if (problem) return [para('dim', problem)];
	if (models.rows.length === 0) return [para('dim', t('noEvents'))];
	return [usageTable(models.rows.slice(0, 10), t('model'), row => row.model || t('none')),
		clients.rows.some(row => row.client) && el('div', { class: 'more' }, usageTable(clients.rows.slice(0, 10), t('client'), row => row.client || t('noClient')))];
}

// The budgets of client keys, the fullest first.
function showUsage() {
	const share = cap => (cap.used + (cap.others ?? 0)) / cap.cap, budgets = (status.caps ?? []).filter(cap => cap.scope.startsWith('key:')).sort((a, b) => share(b) - share(a)).slice(0, 10);
	show('usage', [usage, budgets], () => [...usageTables(usage), budgets.length > 0 && el('h2', { class: 'more' }, t('budgets')),
		el('div', { class: 'budgets day' }, budgets.map(cap => el('div', {}, capLine(cap, status.current_provider, `${cap.scope.slice(4)} · `))))]);
}

function showEvents() {
	const last = events.slice(-10).reverse();
	show('events', [last.map(event => event.id), midnight(Date.now())], () => [last.length === 0 ? para('dim', t('noEvents'))
		: el('ol', {}, last.map(event => el('li', {}, el('time', { datetime: event.at }, moment(Date.parse(event.at))), el('div', {}, el('p', {}, el('b', {}, headOf(event))), !['serving', 'returned'].includes(event.kind) && para('dim', event.text)))))]);
}

// --- Buttons

let adminToken = '', pageToken = document.querySelector('meta[name=router-page]').content;

function send(path, { headers, timeout = 15e3, ...options } = {}) {
	return fetch(path, { cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(timeout), ...options, headers: { ...headers, ...(adminToken && { 'x-router-admin': adminToken }) } });
}

// The token in this page is good for a day; a newer page has a newer one.
async function renewToken() {
	const [, token] = /name="router-page" content="(\w*)"/.exec(await (await send('dashboard')).text()) ?? [];
	const isNew = Boolean(token) && token !== pageToken;
	pageToken = token || pageToken;
	return isNew;
}

async function post(path, value) {
	const once = () => send(path, { method: 'POST', timeout: 12e4, headers: { 'content-type': 'application/json', 'x-router-page': pageToken }, body: JSON.stringify(value) });
	const answer = await once();
	return answer.status === 403 && await renewToken() ? once() : answer;
}

const ACTIONS = {
	use: { path: 'v1/switch-provider', head: 'askUse', text: p => (p.paid ? 'askUsePaid' : 'askUsePlan'), says: a => [a.current_provider && t('nowServing', nameOf(a.current_provider)), a.warning] },
	auto: { path: 'v1/switch-provider', head: 'askAuto', text: () => 'askAutoText', says: a => [a.current_provider && t('nowServing', nameOf(a.current_provider))] },
	retry: { path: 'v1/retry-provider', head: 'askRetry', text: () => 'askRetryText', says: a => [a.reason] },
	check: { path: 'v1/health-check', head: 'askCheck', text: () => 'askCheckText', says: a => [t('found', a.found), a.after] },
	drill: { path: 'v1/drill', head: 'drill', text: () => 'askDrillText', body: provider => ({ provider }), says: a => [a.what] },
};

function ask(what, name = 'auto') {
	const action = ACTIONS[what], yes = $('ask-yes'), no = $('ask-no');
	$('ask-h').textContent = t(action.head, nameOf(name));
	$('ask-text').textContent = t(action.text(status.providers[name] ?? {}), nameOf(name));
	yes.hidden = yes.disabled = false;
	yes.textContent = t(what);
	no.textContent = t('cancel');
	yes.onclick = async () => {
		yes.disabled = true;
		$('ask-text').textContent = t('working');
		$('ask-text').textContent = await perform(action, name);
		yes.hidden = true;
		no.textContent = t('close');
		no.focus();
		poll(true);
	};
	$('ask').showModal();
	no.focus();
}

// Does it; returns what to tell.
async function perform(action, name) {
	try {
		const answer = await post(action.path, action.body?.(name) ?? name), said = await answer.json();
		if (answer.status === 403) $('unlock').hidden = false;
		return answer.ok ? action.says(said).filter(Boolean).join(' ') : t('refused', said.error.message);
	} catch {
		return t('failed');
	}
}

// --- Asking

let timer, busy = false, again = false, wait = 5e3, tag = '', seenAt = 0, usageAt = 0, usageFor, tries = 0;

async function getJson(path) {
	const answer = await send(path), value = await answer.json();
	return answer.ok ? value : Promise.reject(new Error(value.error?.message ?? answer.status));
}

async function getUsage() {
	try {
		const days = await getJson('v1/usage?days=7&by=day,provider');
		if (days.ledger === 'off') return { problem: t('ledgerOff') };
		return { days, models: await getJson('v1/usage?days=7&by=model'), clients: await getJson('v1/usage?days=7&by=client') };
	} catch (error) {
		return { problem: t('unread', error.message) };
	}
}

// Those after what is known, with the last known one: if it is not there, the ledger is another one.
async function getEvents() {
	const last = events.at(-1)?.id ?? 0;
	const { events: more = [] } = await getJson(`v1/events?limit=1000&after=${Math.max(0, last - 1)}`);
	if (last > 0 && more[0]?.id === last) events = [...events, ...more.slice(1)].slice(-1000);
	else events = last > 0 ? (await getJson('v1/events?limit=1000')).events ?? [] : more;
}

async function getStatus() {
	const answer = await send('v1/status', { headers: tag && { 'if-none-match': tag } });
	if (answer.status === 304) return true;
	if (answer.status === 403) return false;
	if (!answer.ok) throw new Error(answer.status);
	status = await answer.json();
	tag = answer.headers.get('etag') ?? '';
	return true;
}

async function refresh() {
	if (!await getStatus()) {
		tries += adminToken ? 1 : 0;
		return lock();
	}
	const now = Date.now(), key = [status.current_provider, status.mode, status.failover_count].join();
	if (usage === undefined || now - usageAt >= 6e4 || key !== usageFor) {
		usage = await getUsage();
		await getEvents().catch(() => {});
		usageAt = now;
		usageFor = key;
	}
	seenAt = Date.now();
	$('unlock').hidden = $('data').hidden === false && $('unlock').hidden;
	if ($('data').hidden) $('unlock').hidden = true;
	$('data').hidden = false;
	draw();
	return true;
}

function draw() {
	showAlerts();
	showNow();
	showLimits();
	showCost();
	showToday();
	showProviders();
	showUsage();
	showEvents();
	$('version').textContent = status.version;
	showPulse();
}

// Without the token nothing is asked until it is typed.
function lock() {
	adminToken = '';
	$('unlock').hidden = false;
	$('data').hidden = true;
	$('pulse').textContent = tries > 0 ? t('unlockWrong') : '';
	$('token').focus();
	return false;
}

// At most one at a time, only while somebody can see it; more seldom while nothing answers.
async function poll(now = false) {
	if (busy) { again ||= now; return; }
	clearTimeout(timer);
	if (document.hidden) return;
	busy = true;
	let goesOn = true;
	try {
		goesOn = await refresh();
		wait = 5e3;
	} catch {
		wait = Math.min(2 * wait, 6e4);
		showPulse(true);
	}
	busy = false;
	if (again) { again = false; poll(); return; }
	if (goesOn) timer = setTimeout(poll, wait);
}

let failing = false;
function showPulse(fails = false) {
	failing = fails;
	const text = failing ? t('seen', seenAt ? t('sec', Math.round((Date.now() - seenAt) / 1000)) : '?') : `${t('running', number(status.streams))} · ${t('live')}`;
	if ($('pulse').textContent !== text) $('pulse').textContent = text;
	$('pulse').className = failing ? 'warn' : '';
}

// Every second: what counts down.
function tick() {
	if (document.hidden) return;
	for (const node of document.querySelectorAll('[data-at]')) {
		const text = t('in', span(Number(node.dataset.at) - Date.now()));
		if (node.textContent !== text) node.textContent = text;
	}
	if (failing) showPulse(true);
}

for (const node of document.querySelectorAll('[data-t]')) node.textContent = t(node.dataset.t);
document.documentElement.lang = LOCALE;
$('main').hidden = false;
$('ask-no').onclick = () => $('ask').close();
$('unlock').onsubmit = event => {
	event.preventDefault();
	adminToken = $('token').value.trim();
	$('token').value = '';
	if (adminToken) poll(true);
};
document.addEventListener('visibilitychange', () => poll());
addEventListener('resize', () => { if (status && usage) showToday(); });
setInterval(tick, 1000);
poll();
