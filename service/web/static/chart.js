// Draws every <div class="chart" data-chart="{...}"> from the JSON in that attribute: htmx drops script elements.
(() => {
  const dots = (hollow) => (u, seriesIndex) => {
    const series = u.series[seriesIndex];
    const radius = 3.2 * devicePixelRatio;
    u.ctx.save();
    u.ctx.beginPath();
    u.ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
    u.ctx.clip();
    u.ctx.lineWidth = 1.5 * devicePixelRatio;
    u.ctx.strokeStyle = series.dot;
    u.ctx.fillStyle = series.dot;
    u.data[seriesIndex].forEach((value, index) => {
      if (value == null) return;
      u.ctx.beginPath();
      u.ctx.arc(u.valToPos(u.data[0][index], "x", true), u.valToPos(value, "y", true), radius, 0, 2 * Math.PI);
      if (hollow) u.ctx.stroke();
      else u.ctx.fill();
    });
    u.ctx.restore();
    return null;
  };

  // The target: a pale band where both limits are known, a dashed line at each.
  const target = (chart) => (u) => {
    u.ctx.save();
    if (chart.band) {
      const top = u.valToPos(chart.band[1], "y", true);
      const bottom = u.valToPos(chart.band[0], "y", true);
      u.ctx.fillStyle = "rgba(22, 128, 61, 0.13)";
      u.ctx.fillRect(u.bbox.left, top, u.bbox.width, bottom - top);
    }
    u.ctx.strokeStyle = "#15803d";
    u.ctx.lineWidth = devicePixelRatio;
    u.ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
    for (const limit of chart.limits) {
      const y = u.valToPos(limit, "y", true);
      u.ctx.beginPath();
      u.ctx.moveTo(u.bbox.left, y);
      u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
      u.ctx.stroke();
    }
    u.ctx.restore();
  };

  // LO and HI are values off the scale: they stand at its edge, in words, never at an invented number.
  const edgeAt = (u, side) => (side === "LO" ? u.bbox.top + u.bbox.height - 12 * devicePixelRatio : u.bbox.top + 12 * devicePixelRatio);
  const edges = (chart) => (u) => {
    u.ctx.save();
    u.ctx.fillStyle = "#a30d11";
    u.ctx.font = `bold ${12 * devicePixelRatio}px sans-serif`;
    u.ctx.textAlign = "center";
    u.ctx.textBaseline = "middle";
    chart.edges.forEach((side, index) => {
      if (side) u.ctx.fillText(side, u.valToPos(chart.times[index], "x", true), edgeAt(u, side));
    });
    u.ctx.restore();
  };

  // The readings that this alert rests on wear a ring.
  const rings = (chart) => (u) => {
    u.ctx.save();
    u.ctx.strokeStyle = "#a30d11";
    u.ctx.lineWidth = 2 * devicePixelRatio;
    for (const index of chart.marked) {
      if (chart.edges[index]) {
        u.ctx.beginPath();
        u.ctx.arc(u.valToPos(chart.times[index], "x", true), edgeAt(u, chart.edges[index]), 11 * devicePixelRatio, 0, 2 * Math.PI);
        u.ctx.stroke();
      }
      chart.curves.forEach((curve) => {
        const value = curve.values[index];
        if (value == null) return;
        u.ctx.beginPath();
        u.ctx.arc(u.valToPos(chart.times[index], "x", true), u.valToPos(value, "y", true), 7 * devicePixelRatio, 0, 2 * Math.PI);
        u.ctx.stroke();
      });
    }
    u.ctx.restore();
  };

  // A change of medicine or device: what is right of the line need not continue what is left of it.
  const breaks = (chart) => (u) => {
    u.ctx.save();
    u.ctx.strokeStyle = "#4b5563";
    u.ctx.lineWidth = 1.5 * devicePixelRatio;
    u.ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
    for (const second of chart.breaks ?? []) {
      const x = u.valToPos(second, "x", true);
      if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
      u.ctx.beginPath();
      u.ctx.moveTo(x, u.bbox.top);
      u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
      u.ctx.stroke();
    }
    u.ctx.restore();
  };

  const range = (chart) => (u, low, high) => {
    const values = [low, high, ...chart.limits].filter((value) => value != null);
    if (values.length === 0) return [0, 20]; // every reading lies off the scale
    const margin = Math.max(1, (Math.max(...values) - Math.min(...values)) * 0.08);
    return [Math.min(...values) - margin, Math.max(...values) + margin];
  };

  const draw = (holder) => {
    const chart = JSON.parse(holder.dataset.chart);
    const height = Number(holder.dataset.height ?? 300);
    const zone = chart.zone;
    const dayAndMonth = new Intl.DateTimeFormat(document.documentElement.lang, { month: "numeric", day: "numeric", timeZone: zone });
    const plot = new uPlot(
      {
        width: holder.clientWidth,
        height,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
        cursor: { show: false },
        legend: { show: true, live: false, markers: { show: true } },
        scales: { x: { time: true, range: () => chart.span }, y: { range: range(chart) } },
        axes: [
          { grid: { stroke: "#e5e7eb" }, values: (u, ticks) => ticks.map((tick) => dayAndMonth.format(new Date(tick * 1000))) },
          { grid: { stroke: "#e5e7eb" }, size: 44 },
        ],
        hooks: { drawAxes: [target(chart), breaks(chart)], draw: [edges(chart), rings(chart)] },
        series: [
          {},
          ...chart.curves.map((curve) => ({
            label: curve.label,
            dot: curve.colour,
            stroke: curve.colour,
            fill: curve.hollow ? "#ffffff" : curve.colour,
            paths: dots(curve.hollow),
            points: { show: false },
          })),
        ],
      },
      [chart.times, ...chart.curves.map((curve) => curve.values)],
      holder,
    );
    // A fixed width overflows a phone.
    new ResizeObserver(() => plot.setSize({ width: holder.clientWidth, height })).observe(holder);
    holder.dataset.drawn = String(chart.times.length);
  };

  const drawAll = (root) => root.querySelectorAll(".chart[data-chart]:not([data-drawn])").forEach(draw);
  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.detail.target));
})();
