// Swagger UI over our own OpenAPI file. It asks nobody outside: the validator's badge is off.
SwaggerUIBundle({
  url: document.getElementById("documentation").dataset.address,
  dom_id: "#documentation",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
