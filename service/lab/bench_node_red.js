// The function of the flow: what is usual for this person and quantity, and two of the last three.
const SLOW = 2 / 61, READING = 2 / 121, FAR_SD = 3, WARM = 5, RING = 32;
const LIMIT = { systolic: 160, diastolic: 100, pulse: 120, glucose: 13.9 };
const CRISIS = { systolic: 180, diastolic: 110, pulse: 150, glucose: 16.7 };
const people = context.get("people");
const marks = context.get("marks");
const observation = msg.payload.observation;
const who = observation.device.serial.split("-")[0];
let person = people.get(who);
if (person === undefined) {
    person = {};
    people.set(who, person);
}
const day = (observation.device_time || observation.received.wall).slice(0, 10);
let alert = null;
for (const name of Object.keys(observation.quantities)) {
    const value = observation.quantities[name].value;
    if (value === undefined || LIMIT[name] === undefined) {
        continue;
    }
    let series = person[name];
    if (series === undefined) {
        series = { count: 0, mean: value, level: value, square: value * value, ring: [] };
        person[name] = series;
    }
    const sd = Math.sqrt(Math.max(0, series.square - series.level * series.level));
    const unusual = series.count >= WARM && sd > 0 && Math.abs(value - series.mean) > FAR_SD * sd;
    series.ring.push([day, value]);
    if (series.ring.length > RING) {
        series.ring.shift();
    }
    const high = new Set(series.ring.slice(-3).filter((one) => one[1] >= LIMIT[name]).map((one) => one[0]));
    if (value >= CRISIS[name] || high.size >= 2 || (unusual && value >= LIMIT[name])) {
        alert = { payload: { who: who, quantity: name, value: value, usual: series.mean } };
    }
    series.count += 1;
    series.mean += SLOW * (value - series.mean);
    series.level += READING * (value - series.level);
    series.square += READING * (value * value - series.square);
}
const mark = `${msg.payload.hub}/${msg.payload.epoch}/${msg.payload.lane}`;
if (msg.payload.sequence === (marks.get(mark) || 0) + 1) {
    marks.set(mark, msg.payload.sequence);
}
const receipt = {
    topic: `hw/1/receipt/${mark}`,
    retain: true,
    payload: {
        v: 1,
        hub: msg.payload.hub,
        epoch: msg.payload.epoch,
        lane: msg.payload.lane,
        through: marks.get(mark) || 0,
    },
};
return [alert, receipt];
