/* The page at /docs: Swagger UI over the service's own schema, and nothing of anyone else's. */
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  validatorUrl: null, // a foreign host would be asked whether the schema is valid
  presets: [SwaggerUIBundle.presets.apis],
});
