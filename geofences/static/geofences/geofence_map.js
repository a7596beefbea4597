// The fence map: shows the fences in view, and draws one into the fields of its form. It asks nobody but Muster, unless the
// settings name a server for tiles. Without this script the fields work as they are.
(() => {
  "use strict";

  const OWN = { color: "#2c675e", weight: 3, fillOpacity: 0.2 };
  const OTHER = { color: "#64748b", weight: 1.5, fillOpacity: 0.08, pmIgnore: true };
  const OFF = { dashArray: "4 4" };
  // Degrees between the lines of the grid, of which the map shows the finest that leaves room for the numbers.
  const STEPS = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];

  const Grid = L.GridLayer.extend({
    createTile(coords) {
      const size = this.getTileSize();
      const tile = L.DomUtil.create("canvas");
      tile.width = size.x;
      tile.height = size.y;
      const corner = coords.scaleBy(size);
      const northWest = this._map.unproject(corner, coords.z);
      const southEast = this._map.unproject(corner.add(size), coords.z);
      const perTile = southEast.lng - northWest.lng;
      const step = STEPS.findLast((one) => perTile / one <= 2) || STEPS[0];
      const digits = Math.max(0, Math.ceil(-Math.log10(step)));
      const pen = tile.getContext("2d");
      pen.strokeStyle = "rgba(128, 140, 155, 0.35)";
      pen.fillStyle = "rgba(110, 122, 138, 0.95)";
      pen.font = "10px ui-sans-serif, sans-serif";
      for (let n = Math.ceil(northWest.lng / step); n * step < southEast.lng; n += 1) {
        const x = this._map.project([0, n * step], coords.z).x - corner.x;
        this._line(pen, x, 0, x, size.y);
        // A number that would be cut at the edge of its tile goes to the other side of its line.
        pen.textAlign = x > size.x - 60 ? "right" : "left";
        pen.fillText(`${(n * step).toFixed(digits)}°`, x > size.x - 60 ? x - 3 : x + 3, size.y - 4);
      }
      for (let n = Math.ceil(southEast.lat / step); n * step < northWest.lat; n += 1) {
        const y = this._map.project([n * step, 0], coords.z).y - corner.y;
        this._line(pen, 0, y, size.x, y);
        pen.textAlign = "left";
        pen.fillText(`${(n * step).toFixed(digits)}°`, 3, y < 14 ? y + 11 : y - 3);
      }
      return tile;
    },

    _line(pen, x1, y1, x2, y2) {
      pen.beginPath();
      pen.moveTo(x1, y1);
      pen.lineTo(x2, y2);
      pen.stroke();
    },
  });

  // --- Shapes ---------------------------------------------------------------------------------------------------------
  function layersOf(feature, style) {
    const geometry = feature.geometry;
    if (geometry.type === "Point") {
      const [lng, lat] = geometry.coordinates;
      return [L.circle([lat, lng], { ...style, radius: feature.properties.radius_m })];
    }
    // One layer for each polygon: each is drawn, cut and removed by itself.
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    return polygons.map((rings) => L.polygon(L.GeoJSON.coordsToLatLngs(rings, 1), style));
  }

  function boundsOf(layers) {
    return layers.reduce((bounds, layer) => {
      // A circle knows its bounds only on a map.
      const own = layer instanceof L.Circle ? layer.getLatLng().toBounds(layer.getRadius() * 2) : layer.getBounds();
      return bounds.extend(own);
    }, L.latLngBounds([]));
  }

  function turned(rings) {
    const west = Math.min(...rings.flat().map(([lng]) => lng));
    const turns = 360 * Math.floor((west + 180) / 360);
    return turns ? rings.map((ring) => ring.map(([lng, lat]) => [lng - turns, lat])) : rings;
  }

  // --- The form ---------------------------------------------------------------------------------------------------------
  const NAMES = ["kind", "geojson", "latitude", "longitude", "radius_m"];

  class Form {
    constructor() {
      this.fields = Object.fromEntries(NAMES.map((name) => [name, document.getElementById(`id_${name}`)]));
    }

    get exists() {
      return NAMES.every((name) => this.fields[name]);
    }

    // What the fields say, as a feature; null when they say nothing. Throws when it cannot be drawn.
    read() {
      const { kind, geojson, latitude, longitude, radius_m: radius } = this.fields;
      if (kind.value === "circle") {
        if (![latitude, longitude, radius].every((one) => one.value !== "")) return null;
        const numbers = [longitude, latitude, radius].map((one) => Number(one.value));
        if (!numbers.every(Number.isFinite) || Math.abs(numbers[1]) > 90 || numbers[2] <= 0) throw new Error("circle");
        return { geometry: { type: "Point", coordinates: numbers.slice(0, 2) }, properties: { radius_m: numbers[2] } };
      }
      if (!geojson.value.trim()) return null;
      let value = JSON.parse(geojson.value);
      if (value.type === "FeatureCollection" && value.features.length === 1) [value] = value.features;
      const geometry = value.type === "Feature" ? value.geometry : value;
      if (!["Polygon", "MultiPolygon"].includes(geometry.type)) throw new Error("type");
      return { geometry, properties: {} };
    }

    write(layers) {
      const circle = layers.find((layer) => layer instanceof L.Circle);
      const { lat, lng } = circle ? circle.getLatLng().wrap() : { lat: "", lng: "" };
      this.set("latitude", circle ? lat.toFixed(7) : "");
      this.set("longitude", circle ? lng.toFixed(7) : "");
      this.set("radius_m", circle ? circle.getRadius().toFixed(1) : "");
      this.set("kind", circle ? "circle" : "polygon");
      this.set("geojson", circle || !layers.length ? "" : JSON.stringify(this.geometry(layers)));
    }

    geometry(layers) {
      const polygons = layers.flatMap((layer) => {
        const { type, coordinates } = layer.toGeoJSON(7).geometry;
        return (type === "Polygon" ? [coordinates] : coordinates).map(turned);
      });
      return polygons.length === 1
        ? { type: "Polygon", coordinates: polygons[0] }
        : { type: "MultiPolygon", coordinates: polygons };
    }

    set(name, value) {
      const field = this.fields[name];
      if (field.value === value) return;
      field.value = value;
      // The page asks before it is left with changes in it; it hears of them by this.
      field.dispatchEvent(new CustomEvent("change", { bubbles: true, detail: "map" }));
    }
  }

  // --- The map ----------------------------------------------------------------------------------------------------------
  class FenceMap {
    constructor(element, facts) {
      this.facts = facts;
      this.note = document.getElementById("muster-map-note");
      this.map = L.map(element, { maxZoom: 21, attributionControl: Boolean(facts.attribution) });
      if (facts.attribution) this.map.attributionControl.setPrefix(false);
      const base = facts.tiles ? L.tileLayer(facts.tiles, { maxZoom: 21, attribution: facts.attribution }) : new Grid();
      base.addTo(this.map);
      L.control.scale({ imperial: false }).addTo(this.map);
      this.others = L.layerGroup().addTo(this.map);
      this.own = L.featureGroup().addTo(this.map);
      this.form = new Form();
      this.draws = facts.draws && this.form.exists;
      this.map.setView([20, 0], 2);
      this.showOwn();
      if (!this.own.getLayers().length) this.look(facts.extent);
      if (this.draws) this.letDraw();
      this.map.on("moveend", () => this.showOthers());
      this.showOthers();
    }

    look(extent) {
      if (!extent) return;
      this.map.fitBounds([[extent.south, extent.west], [extent.north, extent.east]], { padding: [30, 30], maxZoom: 18 });
    }

    say(text) {
      this.note.textContent = text || "";
      this.note.hidden = !text;
    }

    showOwn() {
      let layers;
      try {
        const feature = this.draws ? this.form.read() : this.facts.shown;
        layers = feature ? layersOf(feature, OWN) : [];
        if (layers.length && !boundsOf(layers).isValid()) throw new Error("bounds");
      } catch {
        this.say(this.facts.texts.unreadable);
        return;
      }
      this.say("");
      this.own.clearLayers();
      layers.forEach((layer) => this.keep(layer));
      if (layers.length) this.map.fitBounds(boundsOf(layers), { padding: [40, 40], maxZoom: 19 });
    }

    keep(layer) {
      this.own.addLayer(layer);
      if (this.draws) layer.on("pm:edit pm:dragend", () => this.write());
    }

    write() {
      this.say("");
      this.form.write(this.own.getLayers());
    }

    letDraw() {
      const { pm } = this.map;
      const texts = this.facts.texts;
      pm.setLang("muster", { tooltips: texts, actions: texts, buttonTitles: texts }, "en");
      pm.setGlobalOptions({ allowSelfIntersection: false, snappable: false, layerGroup: this.own });
      pm.setPathOptions(OWN);
      pm.addControls({
        position: "topleft", drawMarker: false, drawCircleMarker: false, drawPolyline: false, drawText: false, rotateMode: false,
      });
      this.map.on("pm:create", ({ layer }) => {
        const alone = layer instanceof L.Circle;
        this.own.getLayers().filter((one) => one !== layer && (alone || one instanceof L.Circle)).forEach((one) => {
          this.own.removeLayer(one);
        });
        this.keep(layer);
        this.write();
      });
      this.map.on("pm:cut", ({ originalLayer, layer }) => {
        this.own.removeLayer(originalLayer);
        this.keep(layer);
        this.write();
      });
      this.map.on("pm:remove", ({ layer }) => {
        this.own.removeLayer(layer);
        this.write();
      });
      let wait;
      const redraw = ({ detail }) => {
        if (detail === "map") return;
        clearTimeout(wait);
        wait = setTimeout(() => this.showOwn(), 300);
      };
      Object.values(this.form.fields).forEach((field) => {
        field.addEventListener("input", redraw);
        field.addEventListener("change", redraw);
      });
    }

    async showOthers() {
      const bounds = this.map.getBounds();
      const asked = new URLSearchParams({
        south: bounds.getSouth(), west: bounds.getWest(), north: bounds.getNorth(), east: bounds.getEast(),
        except: this.facts.except || "",
      });
      this.asked = asked;
      try {
        const reply = await fetch(`${this.facts.near}?${asked}`, { credentials: "same-origin" });
        if (!reply.ok) throw new Error(reply.statusText);
        const found = await reply.json();
        // The map was moved on meanwhile: a later answer is on its way.
        if (this.asked !== asked) return;
        this.others.clearLayers();
        found.features.forEach((feature) => this.showOther(feature));
        if (found.more) this.say(this.facts.texts.more);
        else if (this.note.textContent === this.facts.texts.more) this.say("");
      } catch {
        if (this.asked === asked) this.say(this.facts.texts.outOfReach);
      }
    }

    showOther({ geometry, properties }) {
      const style = properties.on ? OTHER : { ...OTHER, ...OFF };
      layersOf({ geometry, properties }, this.draws ? { ...style, interactive: false } : style).forEach((layer) => {
        if (!this.draws) {
          const link = document.createElement("a");
          link.href = properties.url;
          link.textContent = properties.name;
          layer.bindTooltip(this.label(properties.name)).bindPopup(link);
        }
        this.others.addLayer(layer);
      });
    }

    // Names are text, never HTML.
    label(name) {
      const span = document.createElement("span");
      span.textContent = name;
      return span;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const element = document.getElementById("muster-map");
    const facts = document.getElementById("muster-map-facts");
    if (element && facts) new FenceMap(element, JSON.parse(facts.textContent));
  });
})();
