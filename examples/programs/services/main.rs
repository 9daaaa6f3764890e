//! A source that is too large for memory: an API that gives its services page by page.

use std::process::ExitCode;
use std::time::Duration;

use callboard::sdk::{
    Burst, DeferredEntity, IncrementalEntityProvider, IncrementalOptions, Module, ModuleConfig, ModuleError,
    Page, ProviderError, Registry, async_trait,
};
use reqwest::Client;
use serde::Deserialize;
use serde_json::json;

/// A page of the API.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Services {
    items: Vec<Service>,
    total_pages: u32,
}

#[derive(Deserialize)]
struct Service {
    name: String,
}

/// What stands in `catalog.providers.services`.
#[derive(Deserialize)]
struct ServicesProvider {
    url: String,
    token: String,
    #[serde(flatten)]
    options: IncrementalOptions,
}

#[async_trait]
impl IncrementalEntityProvider for ServicesProvider {
    type Cursor = u32;
    type Context = Client;

    fn name(&self) -> &'static str {
        "services"
    }

    async fn around(&self, burst: Burst<'_, Self>) -> Result<(), ProviderError> {
        let client = Client::builder().timeout(Duration::from_secs(30)).build()?;
        burst.run(&client).await
        // What has to be taken down after a burst, is taken down here.
    }

    async fn next(&self, client: &Client, cursor: Option<u32>) -> Result<Page<u32>, ProviderError> {
        let page = cursor.unwrap_or(1);
        let request = client.get(format!("{}/{page}", self.url)).bearer_auth(&self.token);
        let services: Services = request.send().await?.error_for_status()?.json().await?;
        let entities = services.items.iter().map(|service| self.entity(service)).collect::<Result<_, _>>()?;
        Ok(if page < services.total_pages {
            Page::More { entities, cursor: page + 1 }
        } else {
            Page::Last { entities }
        })
    }
}

impl ServicesProvider {
    fn entity(&self, service: &Service) -> Result<DeferredEntity, ProviderError> {
        let entity = json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": { "name": service.name },
            "spec": { "type": "service", "lifecycle": "production", "owner": "unknown" },
        });
        Ok(DeferredEntity::read_from(&format!("services:{}", self.url), entity)?)
    }
}

struct ServicesModule;

impl Module for ServicesModule {
    fn name(&self) -> &'static str {
        "services"
    }

    fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError> {
        let provider: ServicesProvider = config.section("catalog.providers.services")?;
        let options = provider.options.clone();
        registry.add_incremental_provider(provider, options);
        Ok(())
    }
}

fn main() -> ExitCode {
    callboard::run(|catalog| catalog.add_module(ServicesModule))
}
