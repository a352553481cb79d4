using Grid.Api.Identity;
using Grid.Client.Models;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Grid.Api;

/// <summary>What the OpenAPI document says besides the routes: who may call, and how errors look.</summary>
internal static class ApiDescription
{
    private const string Bearer = "bearer";

    public static void Describe(this OpenApiOptions options)
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo { Title = "Grid", Version = "v1", Description = "Builds OCI images from source with Cloud Native Buildpacks and image extensions." };
            // Where it runs is not part of what it is.
            document.Servers = [];
            document.Components ??= new OpenApiComponents();
            document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                [Bearer] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "An API key of the grid, or a token of the configured OIDC issuer" },
            };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(async (operation, context, cancellationToken) =>
        {
            if (context.Description.ActionDescriptor.EndpointMetadata.OfType<RequiredRole>().LastOrDefault() is not { } required)
                return;
            if (context.Description.ActionDescriptor.EndpointMetadata.OfType<EntityTags.Tagged>().Any())
                (operation.Parameters ??= []).Add(new OpenApiParameter
                {
                    Name = "If-None-Match", In = ParameterLocation.Header, Description = "ETag of an answer that is known: 304 without a body while nothing has changed",
                    Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                });
            operation.Description = $"Needs the role {required.Role}.";
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, context.Document)] = [] }];
            var document = context.Document!;
            if (document.Components?.Schemas?.ContainsKey(nameof(Problem)) != true)
                document.AddComponent(nameof(Problem), await context.GetOrCreateSchemaAsync(typeof(Problem), null, cancellationToken));
            operation.Responses ??= new OpenApiResponses();
            operation.Responses["default"] = new OpenApiResponse
            {
                Description = "An error; its code stands in docs/errors.md",
                Content = new Dictionary<string, OpenApiMediaType> { ["application/problem+json"] = new() { Schema = new OpenApiSchemaReference(nameof(Problem), document) } },
            };
        });
    }
}
